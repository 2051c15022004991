// Element-wise arithmetic on arrays and on the rows of matrices.
#pragma once

#include <cstddef>

#include "arguments.hpp"
#include "element.hpp"
#include "row_batch.hpp"

namespace collapscope::kernels {

// Over items: to = from * factor.
struct Scale {
  double* to;
  const double* from;
  double factor;
  std::size_t size;

  COLLAPSCOPE_HOST_DEVICE std::size_t count() const { return size; }
  COLLAPSCOPE_HOST_DEVICE void at(std::size_t i) const { to[i] = from[i] * factor; }
};

// Over columns, a chunk being a batch of rows: to(i, j) = apply(from(i, j), i, j).
template <class Apply>
struct Elementwise {
  const double* from;
  std::size_t from_stride;
  typename Apply::Result* to;
  std::size_t to_stride;
  std::size_t rows;
  std::size_t cols;
  Apply apply;

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return cols; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return row_batches(rows); }

  COLLAPSCOPE_HOST_DEVICE void at(std::size_t column, std::size_t chunk) const {
    const std::size_t begin = chunk * row_batch;
    double values[row_batch];
    for (std::size_t k = 0; k < row_batch; ++k) {
      values[k] = begin + k < rows ? from[(begin + k) * from_stride + column] : 0;
    }
    for (std::size_t k = 0; k < row_batch; ++k) {
      if (begin + k < rows) {
        to[(begin + k) * to_stride + column] = apply(values[k], begin + k, column);
      }
    }
  }
};

struct Subtract {
  using Result = double;
  const double* shift;  // [cols]
  COLLAPSCOPE_HOST_DEVICE double operator()(double value, std::size_t, std::size_t column) const {
    return value - shift[column];
  }
};

struct ScaleRow {
  using Result = double;
  const double* factors;  // [rows]
  COLLAPSCOPE_HOST_DEVICE double operator()(double value, std::size_t row, std::size_t) const {
    return factors[row] * value;
  }
};

struct Narrow {
  using Result = float;
  COLLAPSCOPE_HOST_DEVICE float operator()(double value, std::size_t, std::size_t) const {
    return static_cast<float>(value);
  }
};

}  // namespace collapscope::kernels
