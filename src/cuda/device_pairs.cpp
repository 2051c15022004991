#include "cuda/device_pairs.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "collapscope/core/error.hpp"
#include "cuda/cholesky.hpp"
#include "cuda/range.hpp"

namespace collapscope::cuda {

namespace {

// What ascends descends, and back.
void turn_columns(Matrix& a) {
  for (std::size_t i = 0; i < a.rows(); ++i) {
    const auto row = a.view().row(i);
    std::reverse(row.begin(), row.end());
  }
}

}  // namespace

double patience_for(std::size_t order) { return 1 + std::pow(static_cast<double>(order) / 8192, 3); }

void turn_rows(Matrix& a) {
  for (std::size_t top = 0, bottom = a.rows(); top + 1 < bottom; ++top) {
    --bottom;
    const auto first = a.view().row(top);
    std::swap_ranges(first.begin(), first.end(), a.view().row(bottom).begin());
  }
}

CudaPairs::Memory::Memory(const Device& device, std::size_t n)
    : matrix(device, n * n),
      vectors(device, n * n),
      values(device, n),
      squares(device, n + 1),
      workspace(device, std::max(kernels::column_workspace(n, n), kernels::column_workspace(n, 1))),
      status(device, 1),
      staging(make_staging(device, n * n + 2 * n + 2)),
      drained(device) {}

void sum_squares(const Device& device, const CudaPairs::Memory& memory, std::size_t order) {
  Call("squaring a matrix")
      .check(kernels::column_squares({memory.matrix.data(), order, order, order}, memory.workspace.data(),
                                     memory.squares.data(), device.compute()));
  Call("the trace of a matrix")
      .check(kernels::column_sums({memory.matrix.data(), order, 1, order + 1}, memory.workspace.data(),
                                  memory.squares.data() + order, nullptr, device.compute()));
}

CudaPairs::CudaPairs(const Device& device, std::size_t order, std::unique_ptr<Memory> memory, Found found)
    : device_(device), order_(order), memory_(std::move(memory)), found_(std::move(found)) {}

template <class Multiply>
Matrix CudaPairs::multiplied(const Matrix& rows, std::size_t cols, const Multiply& multiply) const {
  Matrix out(rows.rows(), cols);
  if (rows.rows() == 0) {
    return out;
  }
  const Range range("along eigenvectors");
  device_.select();
  struct Operands {
    DeviceBuffer<double> from;
    DeviceBuffer<double> to;
    Drained drained;
  };
  const Operands all{{device_, rows.values().size()}, {device_, out.values().size()}, Drained(device_)};
  bring_up_pieces(device_, memory_->staging, all.from.data(), all.from.size(),
                  [&](std::size_t first, std::span<double> piece) {
                    std::copy_n(rows.data() + first, piece.size(), piece.data());
                  });
  multiply(DeviceMatrix{all.from.data(), rows.rows(), rows.cols(), rows.cols()},
           DeviceMatrix{all.to.data(), out.rows(), cols, cols});
  bring_down(device_, memory_->staging, {{out.data(), all.to.data(), out.values().size()}});
  return out;
}

Matrix CudaPairs::coordinates(const Matrix& rows) const {
  if (rows.cols() != order_) {
    throw UsageError("eigenvectors: the shapes do not fit");
  }
  Matrix out = multiplied(rows, vectors().rows, [&](const DeviceMatrix& from, const DeviceMatrix& to) {
    multiply_transposed(device_, from, vectors(), to);
  });
  turn_columns(out);
  return out;
}

Matrix CudaPairs::combinations(const Matrix& coordinates) const {
  if (coordinates.cols() != vectors().rows) {
    throw UsageError("eigenvectors: the shapes do not fit");
  }
  Matrix ascending = coordinates;
  turn_columns(ascending);
  return multiplied(ascending, order_, [&](const DeviceMatrix& from, const DeviceMatrix& to) {
    multiply(device_, from, vectors(), to);
  });
}

void CudaPairs::subtract_product(const Matrix& x, Matrix& y) const {
  const Matrix product = multiplied(x, order_, [&](const DeviceMatrix& from, const DeviceMatrix& to) {
    multiply(device_, from, {memory_->matrix.data(), order_, order_, order_}, to);
  });
  for (std::size_t i = 0; i < y.values().size(); ++i) {
    y.values()[i] -= product.values()[i];
  }
}

std::optional<Matrix> CudaPairs::brought_home() const {
  const Range range("eigenvectors to the host");
  device_.select();
  Matrix all(vectors().rows, order_);
  bring_down(device_, memory_->staging, {{all.data(), memory_->vectors.data(), all.values().size()}});
  turn_rows(all);
  return all;
}

// The matrix becomes Z L Z^T - A, the vectors Z times the roots of L.
linalg::EigenRest CudaPairs::rest() {
  device_.select();
  const std::size_t pairs = found_.values.size();
  bring_up(device_, memory_->staging, memory_->values.data(), pairs,
           [&](std::size_t i) { return std::sqrt(std::max(found_.values[pairs - 1 - i], 0.0)); });
  Call("eigenvectors times roots")
      .check(kernels::scale_rows(vectors(), memory_->values.data(), device_.compute()));
  add_gram(device_, vectors(), memory_->matrix.data(), 1, -1);
  Call("mirroring what is left")
      .check(kernels::mirror_lower(memory_->matrix.data(), order_, device_.compute()));
  sum_squares(device_, *memory_, order_);
  std::vector<double> sums(order_ + 1);
  bring_down(device_, memory_->staging, {{sums.data(), memory_->squares.data(), sums.size()}});
  return {std::max(-sums.back(), 0.0), std::sqrt(std::accumulate(sums.begin(), sums.end() - 1, 0.0)),
          [this](double bound) { return rest_is_below(bound); }};
}

bool CudaPairs::rest_is_below(double bound) {
  device_.select();
  if (!std::isfinite(bound)) {
    return false;
  }
  Call("what is left, below a bound")
      .check(kernels::shift_diagonal(memory_->matrix.data(), order_, bound, device_.compute()));
  return is_positive_definite(device_, *memory_, order_);
}

}  // namespace collapscope::cuda
