// The filters that only move or check bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace collapscope::hdf5 {

// Puts the bytes of elements together again: byte b of element e lies at b * elements + e of `shuffled`;
// bytes that make no whole element follow as they are. `out` is as large, and another place.
void unshuffle(std::span<const std::byte> shuffled, std::size_t element_size, std::span<std::byte> out);

inline constexpr std::size_t fletcher32_bytes = 4;

// Fletcher's checksum of big-endian 16-bit words, as HDF5 defines it.
[[nodiscard]] std::uint32_t fletcher32(std::span<const std::byte> bytes);

// The bytes before the checksum that ends `bytes`, after a look at it. Throws DamagedChunk.
[[nodiscard]] std::span<const std::byte> without_checksum(std::span<const std::byte> bytes);

}  // namespace collapscope::hdf5
