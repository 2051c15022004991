#include "cpu/whitening.hpp"

#include <algorithm>
#include <numeric>

#include "linalg/blas.hpp"

namespace collapscope::cpu {

Whitening::Whitening(const Matrix& matrix, const VectorKernels& kernels)
    : matrix_(matrix), kernels_(kernels) {
  if (matrix.empty() || kernels.panel == 0 || matrix.values().size() > most_packed) {
    return;
  }
  const std::size_t width = kernels.panel;
  const std::size_t d = matrix.cols();
  panels_ = (matrix.rows() + width - 1) / width;
  packed_.assign(panels_ * d * width, 0.0);
  for (std::size_t q = 0; q < matrix.rows(); ++q) {
    double* to = packed_.data() + q / width * d * width + q % width;
    for (std::size_t j = 0; j < d; ++j) {
      to[j * width] = matrix(q, j);
    }
  }
}

std::size_t Whitening::room_for(std::size_t rows) const {
  const std::size_t across = packed_.empty() ? matrix_.rows() : panels_ * kernels_.panel;
  return round_up(rows, 8) * (across + 1);
}

double Whitening::sum(const Room& x, std::size_t rows, AlignedDoubles& room) const {
  if (matrix_.empty() || rows == 0) {
    return 0;
  }
  const std::size_t d = matrix_.cols();
  if (!packed_.empty()) {
    double* squares = room.data() + round_up(rows, 8) * panels_ * kernels_.panel;
    kernels_.whiten({x.data(), x.stride(), rows, d, packed_.data(), panels_, room.data(), squares});
    return std::accumulate(squares, squares + rows, 0.0);
  }
  // So the BLAS has many of what it takes at once.
  const MatrixView<double> along{room.data(), matrix_.rows(), rows};
  linalg::gemm(1.0, matrix_.view(), linalg::Transpose::no, {x.data(), rows, d, x.stride()},
               linalg::Transpose::yes, 0.0, along);
  double sum = 0;
  for (std::size_t q = 0; q < along.rows(); ++q) {
    const auto row = along.row(q);
    sum += std::inner_product(row.begin(), row.end(), row.begin(), 0.0);
  }
  return sum;
}

}  // namespace collapscope::cpu
