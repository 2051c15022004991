// Stored rows to float64, divided by their norms.
#pragma once

#include <cstddef>

#include "arguments.hpp"
#include "row_batch.hpp"
#include "stored.hpp"

namespace collapscope::kernels {

// Over columns of packs; a chunk is a batch of rows. Rows of norm 0 stay 0.
template <std::size_t width>
struct UnitRows {
  StoredNumbers from;
  const double* norm;  // of row i at i * norm_stride
  std::size_t norm_stride;
  DeviceMatrix to;

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return to.cols / width; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return row_batches(to.rows); }

  COLLAPSCOPE_HOST_DEVICE void at(std::size_t column, std::size_t chunk) const {
    const std::size_t begin = chunk * row_batch;
    Pack<double, width> values[row_batch];
    from.read(begin * columns() + column, columns(), to.rows * columns(), values);
    for (std::size_t k = 0; k < row_batch; ++k) {
      const std::size_t row = begin + k;
      if (row < to.rows) {
        divide(values[k], norm[row * norm_stride]);
        store_pack(to.data + row * to.stride, column, values[k]);
      }
    }
  }

 private:
  // By the reciprocal where that is a normal number: a device divides slowly, most of all zeros.
  COLLAPSCOPE_HOST_DEVICE static void divide(Pack<double, width>& values, double length) {
    if (length > 1e-300 && length < 1e300) {
      const double factor = 1 / length;
      for (std::size_t j = 0; j < width; ++j) {
        values.number[j] *= factor;
      }
    } else if (length > 0) {
      for (std::size_t j = 0; j < width; ++j) {
        values.number[j] /= length;
      }
    }
  }
};

}  // namespace collapscope::kernels
