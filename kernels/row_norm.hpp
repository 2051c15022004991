// |v| of a row from the sum of its squares, and from its numbers again where the squares left the range of
// float64.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "finite.hpp"
#include "stored.hpp"

namespace collapscope::kernels {

// Numbers begin ... begin + count - 1 as stored, less shift [count] unless that is null.
struct ShiftedRow {
  StoredNumbers from;
  std::size_t begin;
  std::size_t count;
  const double* shift;

  COLLAPSCOPE_HOST_DEVICE double operator[](std::size_t i) const {
    const double value = from.number(begin + i);
    return shift == nullptr ? value : value - shift[i];
  }
};

// The greatest magnitude, as magnitude_bits.
COLLAPSCOPE_HOST_DEVICE inline std::uint64_t greatest_bits(const ShiftedRow& row) {
  std::uint64_t greatest = 0;
  for (std::size_t i = 0; i < row.count; ++i) {
    const std::uint64_t bits = magnitude_bits(row[i]);
    greatest = greatest < bits ? bits : greatest;
  }
  return greatest;
}

COLLAPSCOPE_HOST_DEVICE inline bool all_finite(const ShiftedRow& row) {
  return is_finite(double_of_bits(greatest_bits(row)));
}

// |row| / largest, its numbers divided by the largest first. Slow, by one thread.
COLLAPSCOPE_HOST_DEVICE inline double scaled_norm(const ShiftedRow& row, double largest) {
  double sum = 0;
  for (std::size_t i = 0; i < row.count; ++i) {
    const double ratio = row[i] / largest;
    sum += ratio * ratio;
  }
  return sqrt(sum);
}

// |row|, in the same way.
COLLAPSCOPE_HOST_DEVICE inline double scaled_norm(const ShiftedRow& row) {
  const double largest = double_of_bits(greatest_bits(row));
  return largest == 0 ? 0 : largest * scaled_norm(row, largest);
}

// |row|, whose sum of squares is `square`.
COLLAPSCOPE_HOST_DEVICE inline double norm_of(const ShiftedRow& row, double square) {
  return square > 1e-280 && is_finite(square) ? sqrt(square) : scaled_norm(row);
}

}  // namespace collapscope::kernels
