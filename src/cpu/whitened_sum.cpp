#include "cpu/whitened_sum.hpp"

#include <algorithm>
#include <numeric>

#include "linalg/blas.hpp"

namespace collapscope::cpu {

WhitenedSum::WhitenedSum(const WhitenedScatter& how, const VectorKernels& kernels)
    : how_(how), products_(kernels, how.inverse.cols()) {}

double WhitenedSum::take_apart(Room& x, std::size_t rows, std::vector<double>& coordinates) const {
  const Matrix& apart = how_.apart;
  if (apart.empty() || rows == 0) {
    return 0;
  }
  coordinates.resize(std::max(coordinates.size(), rows * apart.rows()));
  const MatrixView<double> of_rows{x.data(), rows, apart.cols(), x.stride()};
  const MatrixView<double> along{coordinates.data(), rows, apart.rows()};
  linalg::gemm(1.0, of_rows, linalg::Transpose::no, apart.view(), linalg::Transpose::yes, 0.0, along);
  linalg::gemm(-1.0, along, linalg::Transpose::no, apart.view(), linalg::Transpose::no, 1.0, of_rows);
  double sum = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const auto row = along.row(i);
    for (std::size_t q = 0; q < apart.rows(); ++q) {
      sum += how_.weights[q] * (row[q] * row[q]);
    }
  }
  return sum;
}

// tr(P S)
double WhitenedSum::finish() {
  const MatrixView<const double> sums = products_.upper();
  const MatrixView<const double> inverse = how_.inverse.view();
  double trace = 0;
  for (std::size_t i = 0; i < sums.rows(); ++i) {
    const auto of = inverse.row(i).subspan(i);
    const auto row = sums.row(i).subspan(i);
    trace += 2 * std::inner_product(of.begin(), of.end(), row.begin(), 0.0) - of[0] * row[0];
  }
  products_.clear();
  return trace;
}

}  // namespace collapscope::cpu
