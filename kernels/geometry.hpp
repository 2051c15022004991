// Grids and blocks of the launches, and what else follows from shapes alone.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "shapes.hpp"
#include "tiles.hpp"

namespace collapscope::kernels {

struct Geometry {
  unsigned grid_x = 1;
  unsigned grid_y = 1;
  unsigned block_x = 1;
  unsigned block_y = 1;
};

inline constexpr unsigned block_threads = most_threads;
// Several waves of blocks on any device, so that the last wave's idle multiprocessors cost little.
inline constexpr unsigned most_blocks = 16384;

inline std::size_t divided_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

inline unsigned at_most(std::size_t value, unsigned most) {
  return static_cast<unsigned>(std::min<std::size_t>(value, most));
}

inline Geometry rows_geometry(std::size_t rows, unsigned lanes) {
  const unsigned groups = block_threads / lanes;
  return {at_most(divided_up(rows, groups), most_blocks), 1, lanes, groups};
}

inline Geometry tiles_geometry(std::size_t rows, std::size_t tile, unsigned lanes) {
  const unsigned groups = tile_threads / lanes;
  return {at_most(divided_up(rows, groups * tile), most_blocks), 1, lanes, groups};
}

// Up to 32 neighbouring columns, one warp, beside each other; a block's warps take chunks.
inline Geometry columns_geometry(std::size_t columns, std::size_t chunks) {
  const unsigned beside = static_cast<unsigned>(std::bit_ceil(std::min<std::size_t>(columns, 32)));
  const unsigned below = block_threads / beside;
  const unsigned grid_x = at_most(divided_up(columns, beside), most_blocks);
  return {grid_x, at_most(divided_up(chunks, below), std::max(1U, most_blocks / grid_x)), beside, below};
}

// Lanes that share a row of `steps` accesses, about `per_lane` of them each.
inline unsigned lanes_of(std::size_t steps, std::size_t per_lane) {
  return static_cast<unsigned>(std::bit_ceil(std::clamp<std::size_t>(divided_up(steps, per_lane), 1, 32)));
}

// Of passes that keep four accesses in flight.
inline unsigned row_lanes(std::size_t accesses) { return lanes_of(accesses, 4); }

// Of passes whose lanes have much to add up for a row in the end.
inline unsigned look_lanes(std::size_t accesses) { return std::max(least_tile_lanes, lanes_of(accesses, 8)); }

// Of pooling `rows` channels of `positions` each. Where the channels of a position lie together, neighbouring
// threads take neighbouring channels, so that lanes are only there to fill the device.
inline unsigned pool_lanes(bool channels_together, std::size_t rows, std::size_t positions) {
  constexpr std::size_t enough_threads = std::size_t{1} << 18U;
  const unsigned most = lanes_of(positions, 8);
  return channels_together ? std::min(most, lanes_of(enough_threads, rows)) : most;
}

// Chunks of rows whose columns are summed apart: enough to fill a device, few enough to be added up.
struct RowChunks {
  std::size_t rows = 0;  // of a chunk; the last may have fewer
  std::size_t count = 0;
};

inline RowChunks row_chunks(std::size_t rows, std::size_t cols) {
  constexpr std::size_t enough_threads = std::size_t{1} << 17U;
  constexpr std::size_t least_rows = 16;
  constexpr std::size_t most_chunks = 2048;
  if (rows == 0 || cols == 0) {
    return {};
  }
  const std::size_t wanted = std::clamp<std::size_t>(enough_threads / cols, 1, most_chunks);
  const std::size_t chunk_rows = std::max(least_rows, divided_up(rows, wanted));
  return {chunk_rows, divided_up(rows, chunk_rows)};
}

inline bool is_aligned(const void* pointer, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(pointer) % alignment == 0;
}

}  // namespace collapscope::kernels
