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

// A stored number, whose bytes are reversed when `swap`.
template <class T>
COLLAPSCOPE_HOST_DEVICE inline double decoded(T stored, bool swap) {
  typename UnsignedOfSize<sizeof(T)>::type bits;
  memcpy(&bits, &stored, sizeof bits);
  bits = swap ? reversed(bits) : bits;
  memcpy(&stored, &bits, sizeof bits);
  return to_double(stored);
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
  template <std::size_t width, std::size_t batch>
  COLLAPSCOPE_HOST_DEVICE void read(std::size_t first, std::size_t step, std::size_t end,
                                    Pack<double, width> (&values)[batch]) const {
    switch (kind) {
      case ElementKind::float16:
        return read_as<Float16>(first, step, end, values);
      case ElementKind::bfloat16:
        return read_as<BFloat16>(first, step, end, values);
      case ElementKind::float32:
        return read_as<float>(first, step, end, values);
      case ElementKind::float64:
        break;
      case ElementKind::int8:
        return read_as<std::int8_t>(first, step, end, values);
      case ElementKind::int16:
        return read_as<std::int16_t>(first, step, end, values);
      case ElementKind::int32:
        return read_as<std::int32_t>(first, step, end, values);
      case ElementKind::int64:
        return read_as<std::int64_t>(first, step, end, values);
      case ElementKind::uint8:
        return read_as<std::uint8_t>(first, step, end, values);
      case ElementKind::uint16:
        return read_as<std::uint16_t>(first, step, end, values);
      case ElementKind::uint32:
        return read_as<std::uint32_t>(first, step, end, values);
      case ElementKind::uint64:
        return read_as<std::uint64_t>(first, step, end, values);
    }
    read_as<double>(first, step, end, values);
  }

  COLLAPSCOPE_HOST_DEVICE double number(std::size_t index) const {
    Pack<double, 1> value[1];
    read(index, 1, index + 1, value);
    return value[0].number[0];
  }

 private:
  template <class T, std::size_t width, std::size_t batch>
  COLLAPSCOPE_HOST_DEVICE void read_as(std::size_t first, std::size_t step, std::size_t end,
                                       Pack<double, width> (&values)[batch]) const {
    Pack<T, width> stored[batch];
    for (std::size_t k = 0; k < batch; ++k) {
      const std::size_t index = first + k * step;
      stored[k] = index < end ? load_pack<T, width>(bytes, index) : Pack<T, width>{};
    }
    for (std::size_t k = 0; k < batch; ++k) {
      for (std::size_t j = 0; j < width; ++j) {
        values[k].number[j] = decoded(stored[k].number[j], swap);
      }
    }
  }
};

}  // namespace collapscope::kernels
