// Stored bytes to float64.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "collapscope/core/element.hpp"
#include "collapscope/core/matrix.hpp"
#include "collapscope/core/rows.hpp"

namespace collapscope {

// Decodes out.size() consecutive numbers. `bytes` holds exactly that many. Exact for all types but 64-bit
// integers beyond 2^53, which round. NaN and Inf pass through.
void decode_elements(std::span<const std::byte> bytes, ElementType type, std::span<double> out);

// Decodes and pools the rows of a tile into `out` [tile.rows, format.row_length()].
// Returns the index (in the whole layer, in samples) of the first sample with a NaN or Inf among all the
// numbers decoded, or nullopt when all are finite.
[[nodiscard]] std::optional<std::uint64_t> decode_tile(const RawTile& tile, const RowFormat& format,
                                                       MatrixView<double> out);

}  // namespace collapscope
