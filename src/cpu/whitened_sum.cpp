#include "cpu/whitened_sum.hpp"

#include <algorithm>
#include <numeric>

#include "linalg/blas.hpp"

namespace collapscope::cpu {

namespace {

// tr(P S) of symmetric matrices, from what is on and above their diagonals; 0 without P.
double trace_of_product(const Matrix& p, MatrixView<const double> s) {
  double trace = 0;
  for (std::size_t i = 0; i < p.rows(); ++i) {
    const auto of = p.view().row(i).subspan(i);
    const auto row = s.row(i).subspan(i);
    trace += 2 * std::inner_product(of.begin(), of.end(), row.begin(), 0.0) - of[0] * row[0];
  }
  return trace;
}

}  // namespace

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

WhitenedSum::Traces WhitenedSum::finish() {
  const Traces found{trace_of_product(how_.inverse, products_.upper()),
                     trace_of_product(how_.inverse_by_rows, products_.upper())};
  products_.clear();
  return found;
}

}  // namespace collapscope::cpu
