// Stored rows to float64, divided by their norms.
#pragma once

#include <cstddef>

#include "arguments.hpp"
#include "own_scale.hpp"
#include "row_batch.hpp"
#include "row_norm.hpp"
#include "stored.hpp"

namespace collapscope::kernels {

// Over columns of packs; a chunk is a batch of rows. Rows of norm 0 stay 0. Tiny rows, whose norms have few
// digits, are divided by their largest number first.
template <std::size_t width>
struct UnitRows {
  StoredNumbers from;
  const double* norm;  // of row i at i * norm_stride
  std::size_t norm_stride;
  DeviceMatrix to;

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return to.cols / width; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return row_batches(to.rows); }
  [[nodiscard]] Traffic traffic() const {
    return {to.rows * (to.cols * size_of(from.kind) + sizeof(double)), to.rows * to.cols * sizeof(double)};
  }

  COLLAPSCOPE_HOST_DEVICE void at(std::size_t column, std::size_t chunk) const {
    const std::size_t begin = chunk * row_batch;
    Pack<double, width> values[row_batch];
    from.read(begin * columns() + column, columns(), to.rows * columns(), values);
    for (std::size_t k = 0; k < row_batch; ++k) {
      const std::size_t row = begin + k;
      if (row < to.rows) {
        divide(values[k], norm[row * norm_stride], row);
        store_pack(to.data + row * to.stride, column, values[k]);
      }
    }
  }

 private:
  // By the reciprocal where that is a normal number: a device divides slowly, most of all zeros.
  COLLAPSCOPE_HOST_DEVICE void divide(Pack<double, width>& values, double length, std::size_t row) const {
    if (length > 0 && length < least_norm) {
      const ShiftedRow numbers{from, row * to.cols, to.cols, nullptr};
      const double largest = double_of_bits(greatest_bits(numbers));
      const double relative_length = scaled_norm(numbers, largest);
      for (std::size_t j = 0; j < width; ++j) {
        values.number[j] = values.number[j] / largest / relative_length;
      }
    } else if (length > 0 && length < 1e300) {
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
