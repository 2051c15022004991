// One stored number to float64, for the host and for devices alike: the bodies of all conversion loops.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#define COLLAPSCOPE_HOST_DEVICE __host__ __device__
#else
#define COLLAPSCOPE_HOST_DEVICE
#endif

// Before a loop whose body is long enough for a device: unrolled, it would take more registers.
#if defined(__CUDA_ARCH__)
#define COLLAPSCOPE_ROLLED _Pragma("unroll 1")
#else
#define COLLAPSCOPE_ROLLED
#endif

namespace collapscope::kernels {

// Storage of a half-precision number: its bits.
struct Float16 {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};

// An unsigned integer with the bytes of `value` reversed.
COLLAPSCOPE_HOST_DEVICE inline std::uint8_t reversed(std::uint8_t value) { return value; }
COLLAPSCOPE_HOST_DEVICE inline std::uint16_t reversed(std::uint16_t value) {
  return static_cast<std::uint16_t>((value << 8U) | (value >> 8U));
}
COLLAPSCOPE_HOST_DEVICE inline std::uint32_t reversed(std::uint32_t value) {
  value = ((value & 0x00ff00ffU) << 8U) | ((value >> 8U) & 0x00ff00ffU);
  return (value << 16U) | (value >> 16U);
}
COLLAPSCOPE_HOST_DEVICE inline std::uint64_t reversed(std::uint64_t value) {
  value = ((value & 0x00ff00ff00ff00ffULL) << 8U) | ((value >> 8U) & 0x00ff00ff00ff00ffULL);
  value = ((value & 0x0000ffff0000ffffULL) << 16U) | ((value >> 16U) & 0x0000ffff0000ffffULL);
  return (value << 32U) | (value >> 32U);
}

COLLAPSCOPE_HOST_DEVICE inline float float_of_bits(std::uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

COLLAPSCOPE_HOST_DEVICE inline double to_double(double value) { return value; }
COLLAPSCOPE_HOST_DEVICE inline double to_double(float value) { return static_cast<double>(value); }
COLLAPSCOPE_HOST_DEVICE inline double to_double(BFloat16 value) {
  return static_cast<double>(float_of_bits(static_cast<std::uint32_t>(value.bits) << 16U));
}
// Devices have an instruction for it. The other is branch-free but for the select: the exponent is moved into
// place and rescaled, which also normalizes subnormal numbers; Inf and NaN are put back.
COLLAPSCOPE_HOST_DEVICE inline double to_double(Float16 value) {
#if defined(__CUDA_ARCH__)
  float number;
  asm("cvt.f32.f16 %0, %1;" : "=f"(number) : "h"(value.bits));
  return static_cast<double>(number);
#else
  const std::uint32_t sign = static_cast<std::uint32_t>(value.bits & 0x8000U) << 16U;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(value.bits & 0x7fffU) << 13U;
  const float scaled = float_of_bits(magnitude) * 0x1p112F;
  std::uint32_t bits;
  memcpy(&bits, &scaled, sizeof bits);
  bits = magnitude >= 0x0f800000U ? (magnitude | 0x7f800000U) : bits;
  return static_cast<double>(float_of_bits(bits | sign));
#endif
}
COLLAPSCOPE_HOST_DEVICE inline double to_double(std::int8_t value) { return value; }
COLLAPSCOPE_HOST_DEVICE inline double to_double(std::uint8_t value) { return value; }
COLLAPSCOPE_HOST_DEVICE inline double to_double(std::int16_t value) { return value; }
COLLAPSCOPE_HOST_DEVICE inline double to_double(std::uint16_t value) { return value; }
COLLAPSCOPE_HOST_DEVICE inline double to_double(std::int32_t value) { return value; }
COLLAPSCOPE_HOST_DEVICE inline double to_double(std::uint32_t value) { return value; }
COLLAPSCOPE_HOST_DEVICE inline double to_double(std::int64_t value) { return static_cast<double>(value); }
COLLAPSCOPE_HOST_DEVICE inline double to_double(std::uint64_t value) { return static_cast<double>(value); }

template <std::size_t size>
struct UnsignedOfSize;
template <>
struct UnsignedOfSize<1> {
  using type = std::uint8_t;
};
template <>
struct UnsignedOfSize<2> {
  using type = std::uint16_t;
};
template <>
struct UnsignedOfSize<4> {
  using type = std::uint32_t;
};
template <>
struct UnsignedOfSize<8> {
  using type = std::uint64_t;
};

// Number `index` of an array of T that begins at `bytes` (any alignment), with its bytes reversed when
// `swap`.
template <class T, bool swap>
COLLAPSCOPE_HOST_DEVICE inline double load(const std::byte* bytes, std::size_t index) {
  using Bits = typename UnsignedOfSize<sizeof(T)>::type;
  Bits bits;
  memcpy(&bits, bytes + index * sizeof(T), sizeof bits);
  if constexpr (swap) {
    bits = reversed(bits);
  }
  T value;
  memcpy(&value, &bits, sizeof value);
  return to_double(value);
}

}  // namespace collapscope::kernels
