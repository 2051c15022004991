// Vectors of doubles for the kernels, and how stored numbers become them. Every function is a template over
// a target that each including file defines for itself in an unnamed namespace, so that code for one
// instruction set is never linked into another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX__)
#include <immintrin.h>
#endif

#include "cpu/vector_kernels.hpp"

namespace collapscope::cpu {

// `width` numbers of each type.
template <std::size_t width>
struct Lanes {
  using Doubles __attribute__((vector_size(width * sizeof(double)))) = double;
  using Floats __attribute__((vector_size(width * sizeof(float)))) = float;
  using Words __attribute__((vector_size(width * sizeof(std::uint32_t)))) = std::uint32_t;
  using Halves __attribute__((vector_size(width * sizeof(std::uint16_t)))) = std::uint16_t;
};

template <class Target>
using Doubles = typename Lanes<Target::width>::Doubles;

template <class Target>
inline Doubles<Target> load(const double* from) {
  Doubles<Target> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <class Target>
inline void store(double* to, Doubles<Target> v) {
  std::memcpy(to, &v, sizeof v);
}

template <class Target>
inline double sum_of(Doubles<Target> v) {
  if constexpr (Target::width == 2) {
    return v[0] + v[1];
  } else if constexpr (Target::width == 4) {
    return (v[0] + v[2]) + (v[1] + v[3]);
  } else {
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
  }
}

// GCC 12 makes a detour over memory of a plain __builtin_convertvector.
template <class Target>
inline Doubles<Target> widened(typename Lanes<Target::width>::Floats v) {
#if defined(__AVX__)
  if constexpr (Target::width == 4) {
    return _mm256_cvtps_pd(v);
  }
#endif
#if defined(__AVX512F__)
  if constexpr (Target::width == 8) {
    return _mm512_maskz_cvtps_pd(0xff, v);  // unmasked, GCC 12 warns of its own header
  }
#endif
  return __builtin_convertvector(v, Doubles<Target>);
}

// To the nearest float.
template <class Target>
inline typename Lanes<Target::width>::Floats narrowed(Doubles<Target> v) {
#if defined(__AVX__)
  if constexpr (Target::width == 4) {
    return _mm256_cvtpd_ps(v);
  }
#endif
#if defined(__AVX512F__)
  if constexpr (Target::width == 8) {
    return _mm512_maskz_cvtpd_ps(0xff, v);  // as above
  }
#endif
  return __builtin_convertvector(v, typename Lanes<Target::width>::Floats);
}

// `width` consecutive stored numbers. The half-precision formula is that of kernels/element.hpp.
template <class Target, Stored stored>
inline Doubles<Target> load_stored(const std::byte* from) {
  using Lane = Lanes<Target::width>;
  if constexpr (stored == Stored::float64) {
    Doubles<Target> v;
    std::memcpy(&v, from, sizeof v);
    return v;
  } else if constexpr (stored == Stored::float32) {
    typename Lane::Floats v;
    std::memcpy(&v, from, sizeof v);
    return widened<Target>(v);
  } else {
#if defined(__F16C__)
    if constexpr (stored == Stored::float16 && Target::width == 4) {
      return _mm256_cvtps_pd(_mm_cvtph_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
    }
#endif
    typename Lane::Halves halves;
    std::memcpy(&halves, from, sizeof halves);
    typename Lane::Words bits = __builtin_convertvector(halves, typename Lane::Words);
    typename Lane::Floats v;
    if constexpr (stored == Stored::bfloat16) {
      bits <<= 16U;
    } else {
      const typename Lane::Words sign = (bits & 0x8000U) << 16U;
      const typename Lane::Words magnitude = (bits & 0x7fffU) << 13U;
      std::memcpy(&v, &magnitude, sizeof v);
      v *= 0x1p112F;
      std::memcpy(&bits, &v, sizeof bits);
      bits = sign | (magnitude >= 0x0f800000U ? (magnitude | 0x7f800000U) : bits);
    }
    std::memcpy(&v, &bits, sizeof v);
    return widened<Target>(v);
  }
}

template <Stored stored>
inline constexpr std::size_t stored_size = stored == Stored::float64   ? 8
                                           : stored == Stored::float32 ? 4
                                                                       : 2;

// The first `count` < width of them, then zeros.
template <class Target, Stored stored>
inline Doubles<Target> load_some(const std::byte* from, std::size_t count) {
  constexpr std::size_t size = stored_size<stored>;
  std::byte some[Target::width * size] = {};
#pragma GCC unroll 8
  for (std::size_t i = 0; i + 1 < Target::width; ++i) {
    if (i < count) {
      std::memcpy(some + i * size, from + i * size, size);
    }
  }
  return load_stored<Target, stored>(some);
}

}  // namespace collapscope::cpu
