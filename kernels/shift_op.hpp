// Shifting the rows of matrices.
#pragma once

#include <cstddef>

#include "arguments.hpp"
#include "element.hpp"
#include "row_batch.hpp"

namespace collapscope::kernels {

// Over columns, a chunk being a batch of rows: rows -= shift.
struct SubtractRow {
  DeviceMatrix matrix;
  const double* shift;  // [cols]

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return matrix.cols; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return row_batches(matrix.rows); }
  [[nodiscard]] Traffic traffic() const {
    return traffic_of((matrix.rows + 1) * matrix.cols, matrix.rows * matrix.cols);
  }

  COLLAPSCOPE_HOST_DEVICE void at(std::size_t column, std::size_t chunk) const {
    const std::size_t begin = chunk * row_batch;
    const double less = shift[column];  // not read again after every store
    double values[row_batch];
    for (std::size_t k = 0; k < row_batch; ++k) {
      values[k] = begin + k < matrix.rows ? matrix.data[(begin + k) * matrix.stride + column] : 0;
    }
    for (std::size_t k = 0; k < row_batch; ++k) {
      if (begin + k < matrix.rows) {
        matrix.data[(begin + k) * matrix.stride + column] = values[k] - less;
      }
    }
  }
};

}  // namespace collapscope::kernels
