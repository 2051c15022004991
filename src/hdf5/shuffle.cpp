#include "hdf5/shuffle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "hdf5/damaged_chunk.hpp"

namespace collapscope::hdf5 {

namespace {

using ByteView = std::span<const std::byte>;

unsigned as_unsigned(std::byte byte) { return std::to_integer<unsigned>(byte); }

// A loop that compilers make vectors of.
template <std::size_t size>
void interleave(const std::byte* from, std::size_t elements, std::byte* to) {
  for (std::size_t e = 0; e < elements; ++e) {
    for (std::size_t b = 0; b < size; ++b) {
      to[e * size + b] = from[b * elements + e];
    }
  }
}

void interleave(const std::byte* from, std::size_t elements, std::size_t size, std::byte* to) {
  for (std::size_t b = 0; b < size; ++b) {
    for (std::size_t e = 0; e < elements; ++e) {
      to[e * size + b] = from[b * elements + e];
    }
  }
}

}  // namespace

void unshuffle(ByteView shuffled, std::size_t element_size, std::span<std::byte> out) {
  const std::size_t elements = shuffled.size() / element_size;
  switch (element_size) {
    case 2:
      interleave<2>(shuffled.data(), elements, out.data());
      break;
    case 4:
      interleave<4>(shuffled.data(), elements, out.data());
      break;
    case 8:
      interleave<8>(shuffled.data(), elements, out.data());
      break;
    default:
      interleave(shuffled.data(), elements, element_size, out.data());
  }
  const std::size_t whole = elements * element_size;
  if (whole < shuffled.size()) {
    std::memcpy(out.data() + whole, shuffled.data() + whole, shuffled.size() - whole);
  }
}

std::uint32_t fletcher32(ByteView bytes) {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  const auto fold = [](std::uint32_t sum) { return (sum & 0xffffU) + (sum >> 16U); };
  constexpr std::size_t block = 720;  // bytes whose sums fit 32 bits
  for (std::size_t begin = 0; begin < bytes.size(); begin += block) {
    const std::size_t end = std::min(begin + block, bytes.size());
    std::size_t i = begin;
    for (; i + 1 < end; i += 2) {
      low += (as_unsigned(bytes[i]) << 8U) | as_unsigned(bytes[i + 1]);
      high += low;
    }
    if (i < end) {
      low += as_unsigned(bytes[i]) << 8U;
      high += low;
    }
    low = fold(low);
    high = fold(high);
  }
  return (fold(high) << 16U) | fold(low);
}

ByteView without_checksum(ByteView bytes) {
  if (bytes.size() < fletcher32_bytes) {
    throw DamagedChunk("fletcher32: the checksum is missing");
  }
  const ByteView data = bytes.first(bytes.size() - fletcher32_bytes);
  std::array<unsigned, fletcher32_bytes> stored{};
  std::transform(bytes.end() - fletcher32_bytes, bytes.end(), stored.begin(), as_unsigned);
  const std::uint32_t expected = fletcher32(data);
  const std::uint32_t found = stored[0] | (stored[1] << 8U) | (stored[2] << 16U) | (stored[3] << 24U);
  // HDF5 before 1.6.3 swapped the bytes of each half on little-endian machines.
  const std::uint32_t swapped = stored[1] | (stored[0] << 8U) | (stored[3] << 16U) | (stored[2] << 24U);
  if (expected != found && expected != swapped) {
    throw DamagedChunk(fmt::format("fletcher32: found checksum {:08x}, expected {:08x}", found, expected));
  }
  return data;
}

}  // namespace collapscope::hdf5
