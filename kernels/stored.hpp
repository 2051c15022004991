// Numbers as stored in device memory, of a type that is known at run time only.
//
// All threads of a launch read the same type, so the choice is a uniform branch; it is made once for a batch
// of numbers, whose loads are in flight together. The kernels need no instance per type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "arguments.hpp"
#include "collapscope/core/element.hpp"
#include "element.hpp"
#include "pack.hpp"

namespace collapscope::kernels {

// A stored number with its bytes reversed.
template <class T>
COLLAPSCOPE_HOST_DEVICE inline T swapped(T stored) {
  typename UnsignedOfSize<sizeof(T)>::type bits;
  memcpy(&bits, &stored, sizeof bits);
  bits = reversed(bits);
  memcpy(&stored, &bits, sizeof bits);
  return stored;
}

// Bytes per number.
inline std::size_t size_of(ElementKind kind) {
  switch (kind) {
    case ElementKind::int8:
    case ElementKind::uint8:
      return 1;
    case ElementKind::float16:
    case ElementKind::bfloat16:
    case ElementKind::int16:
    case ElementKind::uint16:
      return 2;
    case ElementKind::float32:
    case ElementKind::int32:
    case ElementKind::uint32:
      return 4;
    case ElementKind::float64:
    case ElementKind::int64:
    case ElementKind::uint64:
      break;
  }
  return 8;
}

struct StoredNumbers {
  const std::byte* bytes;
  ElementKind kind;
  bool swap;

  // values[k] = pack first + k * step, zeros where that is not below `end`.
  // Byte order is chosen for all of them, or number by number, which takes fewer registers.
  template <bool together = true, std::size_t width, std::size_t batch>
  COLLAPSCOPE_HOST_DEVICE void read(std::size_t first, std::size_t step, std::size_t end,
                                    Pack<double, width> (&values)[batch]) const {
    with_type([&](auto type) {
      using T = decltype(type);
      Pack<T, width> stored[batch];
      for (std::size_t k = 0; k < batch; ++k) {
        const std::size_t index = first + k * step;
        stored[k] = index < end ? load_pack<T, width>(bytes, index) : Pack<T, width>{};
      }
      decode<together>(stored, values);
    });
  }

  // values[k] = pack begin + first + k * step, zeros where first + k * step is not below `end`: with short
  // numbers, which a device compares in one step.
  template <std::size_t width, std::size_t batch>
  COLLAPSCOPE_HOST_DEVICE void read_of(std::size_t begin, unsigned first, unsigned step, unsigned end,
                                       Pack<double, width> (&values)[batch]) const {
    with_type([&](auto type) {
      using T = decltype(type);
      const std::byte* const row = bytes + begin * sizeof(Pack<T, width>);
      Pack<T, width> stored[batch];
      for (unsigned k = 0; k < batch; ++k) {
        const unsigned index = first + k * step;
        stored[k] = index < end ? load_pack<T, width>(row, index) : Pack<T, width>{};
      }
      decode<true>(stored, values);
    });
  }

  // Asks for pack `index`, which is read soon.
  template <std::size_t width>
  COLLAPSCOPE_HOST_DEVICE void ask_for(std::size_t index) const {
    with_type([&](auto type) { ask_for_pack<decltype(type), width>(bytes, index); });
  }

  // values[k] = pack first + behind[k]. The packs so far `ahead` of these are asked for, unless that is 0.
  template <std::size_t width, std::size_t batch>
  COLLAPSCOPE_HOST_DEVICE void read_at(std::size_t first, const unsigned (&behind)[batch], unsigned ahead,
                                       Pack<double, width> (&values)[batch]) const {
    with_type([&](auto type) {
      using T = decltype(type);
      if (ahead > 0) {
        for (std::size_t k = 0; k < batch; ++k) {
          ask_for_pack<T, width>(bytes, first + ahead + behind[k]);
        }
      }
      Pack<T, width> stored[batch];
      for (std::size_t k = 0; k < batch; ++k) {
        stored[k] = load_pack<T, width>(bytes, first + behind[k]);
      }
      decode<true>(stored, values);
    });
  }

  COLLAPSCOPE_HOST_DEVICE double number(std::size_t index) const {
    Pack<double, 1> value[1];
    read(index, 1, index + 1, value);
    return value[0].number[0];
  }

 private:
  // f(T{}) of the type as stored.
  template <class F>
  COLLAPSCOPE_HOST_DEVICE void with_type(const F& f) const {
    switch (kind) {
      case ElementKind::float16:
        return f(Float16{});
      case ElementKind::bfloat16:
        return f(BFloat16{});
      case ElementKind::float32:
        return f(float{});
      case ElementKind::float64:
        break;
      case ElementKind::int8:
        return f(std::int8_t{});
      case ElementKind::int16:
        return f(std::int16_t{});
      case ElementKind::int32:
        return f(std::int32_t{});
      case ElementKind::int64:
        return f(std::int64_t{});
      case ElementKind::uint8:
        return f(std::uint8_t{});
      case ElementKind::uint16:
        return f(std::uint16_t{});
      case ElementKind::uint32:
        return f(std::uint32_t{});
      case ElementKind::uint64:
        return f(std::uint64_t{});
    }
    f(double{});
  }

  template <bool together, class T, std::size_t width, std::size_t batch>
  COLLAPSCOPE_HOST_DEVICE void decode(Pack<T, width> (&stored)[batch],
                                      Pack<double, width> (&values)[batch]) const {
    if (together && swap) {
      for (std::size_t k = 0; k < batch; ++k) {
        for (std::size_t j = 0; j < width; ++j) {
          stored[k].number[j] = swapped(stored[k].number[j]);
        }
      }
    }
    for (std::size_t k = 0; k < batch; ++k) {
      for (std::size_t j = 0; j < width; ++j) {
        const T number = stored[k].number[j];
        values[k].number[j] = to_double(!together && swap ? swapped(number) : number);
      }
    }
  }
};

}  // namespace collapscope::kernels
