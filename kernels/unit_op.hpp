// Stored rows to float64, divided by their norms.
#pragma once

#include <cstddef>

#include "arguments.hpp"
#include "own_scale.hpp"
#include "row_batch.hpp"
#include "row_norm.hpp"
#include "stored.hpp"

namespace collapscope::kernels {

// Over columns of packs; a chunk is a batch of rows. Rows are multiplied with the reciprocals of their norms
// where these are normal numbers: a device divides slowly. Rows of norm 0 stay 0. Tiny rows, whose norms have
// few digits, are divided by their largest number first.
template <std::size_t width>
struct UnitRows {
  StoredNumbers from;
  const double* norm;  // [rows]
  DeviceMatrix to;

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return to.cols / width; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return row_batches(to.rows); }
  [[nodiscard]] Traffic traffic() const {
    return {to.rows * (to.cols * size_of(from.kind) + sizeof(double)), to.rows * to.cols * sizeof(double)};
  }

  COLLAPSCOPE_HOST_DEVICE void at(std::size_t column, std::size_t chunk) const {
    const std::size_t begin = chunk * row_batch;
    const std::size_t rest = to.rows - begin;
    const auto rows = static_cast<unsigned>(rest < row_batch ? rest : row_batch);
    const auto packs = static_cast<unsigned>(columns());
    Pack<double, width> values[row_batch];
    from.read_of(begin * packs, static_cast<unsigned>(column), packs, rows * packs, values);
    double lengths[row_batch];
    for (unsigned k = 0; k < row_batch; ++k) {  // all of them are under way before one is looked at
      lengths[k] = norm[begin + (k < rows ? k : 0)];
    }
    bool usual = true;
    for (unsigned k = 0; k < row_batch; ++k) {
      usual = usual & (is_usual(lengths[k]) | (lengths[k] == 0));
    }
    if (!usual) {
      COLLAPSCOPE_ROLLED for (unsigned k = 0; k < rows; ++k) { divide(column, begin + k); }
      return;
    }
    double* const out = to.data + begin * to.stride;
    for (unsigned k = 0; k < row_batch; ++k) {
      if (k < rows) {
        multiply(values[k], lengths[k] > 0 ? 1 / lengths[k] : 1);
        store_pack(out + k * to.stride, column, values[k]);
      }
    }
  }

 private:
  COLLAPSCOPE_HOST_DEVICE static bool is_usual(double length) {
    return (length >= least_norm) & (length < 1e300);
  }

  COLLAPSCOPE_HOST_DEVICE static void multiply(Pack<double, width>& values, double factor) {
    for (std::size_t j = 0; j < width; ++j) {
      values.number[j] *= factor;
    }
  }

  // Of any row, by itself.
  COLLAPSCOPE_HOST_DEVICE void divide(std::size_t column, std::size_t row) const {
    const double length = norm[row];
    Pack<double, width> values[1];
    from.read(row * columns() + column, 1, (row + 1) * columns(), values);
    if (is_usual(length)) {
      multiply(values[0], 1 / length);
    } else if (length > 0) {
      double largest = 1;
      double relative_length = length;
      if (length < least_norm) {
        const ShiftedRow numbers{from, row * to.cols, to.cols, nullptr};
        largest = double_of_bits(greatest_bits(numbers));
        relative_length = scaled_norm(numbers, largest);
      }
      for (std::size_t j = 0; j < width; ++j) {
        values[0].number[j] = values[0].number[j] / largest / relative_length;
      }
    }
    store_pack(to.data + row * to.stride, column, values[0]);
  }
};

}  // namespace collapscope::kernels
