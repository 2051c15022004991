// NaN and Inf among the data: how they are seen and reported.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "arguments.hpp"
#include "element.hpp"

namespace collapscope::kernels {

// The bits of |value|: 0 only for zeros, ordered as the magnitudes are.
COLLAPSCOPE_HOST_DEVICE inline std::uint64_t magnitude_bits(double value) {
  std::uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits & 0x7fffffffffffffffULL;
}

COLLAPSCOPE_HOST_DEVICE inline double double_of_bits(std::uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

COLLAPSCOPE_HOST_DEVICE inline bool is_finite(double value) {
  return magnitude_bits(value) < 0x7ff0000000000000ULL;
}

COLLAPSCOPE_HOST_DEVICE inline void report_row(const FiniteCheck& check, std::size_t row) {
  const std::uint64_t sample = check.first_sample + (check.skip_rows + row) / check.rows_per_sample;
#if defined(__CUDA_ARCH__)
  static_assert(sizeof(unsigned long long) == sizeof(std::uint64_t));
  atomicMin(reinterpret_cast<unsigned long long*>(check.first), static_cast<unsigned long long>(sample));
#else
  if (sample < *check.first) {
    *check.first = sample;
  }
#endif
}

}  // namespace collapscope::kernels
