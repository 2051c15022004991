// Numbers as files store them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace collapscope {

// The little-endian number in the first `size` bytes of `bytes`, which has as many; at most 8.
[[nodiscard]] inline std::uint64_t little_endian(std::span<const std::byte> bytes, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) {
    value = (value << 8U) | std::to_integer<std::uint64_t>(bytes[i]);
  }
  return value;
}

}  // namespace collapscope
