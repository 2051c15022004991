// The shape of kernels that take several rows at once: over_tiles.
//
//   op.rows() rows, each Op::tile of them shared by the lanes of a group. Step by step, all lanes' sums are
//   added up, and all lanes see the totals:
//     op.first(begin, lane, lanes, sums); op.second(..., first, sums) -> marks, which are joined;
//     op.finish_one(begin, k, marks, first, second) for k < 2 tile, half a row each -> false for rows that
//     are to be taken by themselves.
//   Those follow one by one: op.norms(row, lane, lanes), of whose total op.found(row, total) makes the scale;
//   op.coordinates(row, lane, lanes, scale, i), four at a time; op.rests(..., scale, coordinates);
//   op.finish(row, half, ...).
//
// Op::blocks blocks share a multiprocessor, at least, which bounds a thread's registers. What is found of a
// row depends on no other row, nor on the launch but for `lanes`.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "shapes.hpp"

namespace collapscope::kernels {

inline constexpr unsigned tile_threads = 128;  // of a block
// Of a group.
inline constexpr unsigned least_tile_lanes = 4;

// Totals of a tile.
template <class Op>
inline constexpr std::size_t first_totals = Op::tile* Op::First::numbers;
template <class Op>
inline constexpr std::size_t second_totals = Op::tile* Op::Second::numbers;

// Half of what is written of a row that was taken by itself.
template <class Op, class Scale, class Rests>
COLLAPSCOPE_HOST_DEVICE inline void finish_half(const Op& op, std::size_t row, std::size_t half,
                                                const Scale& scale, const double* coordinates,
                                                const Rests& rests) {
  op.finish(row, half, scale, scale.own ? sqrt(rests.square) : scale.norm, coordinates,
            half == 0 ? rests.signal : rests.weight, half == 0 ? rests.moved_signal : rests.moved_weight);
}

#if defined(__CUDACC__)

// Each lane keeps half of its values and gives away the other half, until lane by lane the totals are left:
// the sums of total_of, with as few exchanges as there are values. Those that a lane has belong to `at` ...
// `end` - 1.
template <unsigned offset, unsigned count>
__device__ inline void put_totals(const double (&mine)[count], unsigned group, unsigned lane, unsigned lanes,
                                  unsigned at, unsigned end, double* to) {
  if constexpr (offset == 0) {
#pragma unroll
    for (unsigned i = 0; i < count; ++i) {
      if (at + i < end) {
        to[at + i] = mine[i];
      }
    }
  } else if (offset >= lanes) {
    put_totals<offset / 2>(mine, group, lane, lanes, at, end, to);
  } else {
    constexpr unsigned half = (count + 1) / 2;
    const bool upper = (lane & offset) != 0;
    double kept[half];
#pragma unroll
    for (unsigned i = 0; i < half; ++i) {
      const double high = half + i < count ? mine[half + i] : 0;
      const double other = __shfl_xor_sync(group, upper ? mine[i] : high, static_cast<int>(offset));
      kept[i] = (upper ? high : mine[i]) + other;
    }
    put_totals<offset / 2>(kept, group, lane, lanes, upper ? at + half : at,
                           upper ? end : min(at + half, end), to);
  }
}

template <unsigned count>
__device__ inline void put_totals(const double (&mine)[count], unsigned group, unsigned lane, unsigned lanes,
                                  double* to) {
  __syncwarp(group);  // what was there has been read
  put_totals<16>(mine, group, lane, lanes, 0, count, to);
  __syncwarp(group);
}

__device__ inline std::uint32_t joined(std::uint32_t bits, unsigned group, unsigned lanes) {
  for (unsigned offset = lanes / 2; offset > 0; offset /= 2) {
    bits |= __shfl_xor_sync(group, bits, static_cast<int>(offset));
  }
  return bits;
}

template <class Op>
__device__ inline void take_by_itself(const Op& op, std::size_t row, unsigned group, unsigned lanes,
                                      double* coordinates) {
  const unsigned lane = threadIdx.x;
  const auto scale = op.found(row, total_of<Op>(op.norms(row, lane, lanes), group, lanes));
  __syncwarp(group);
  for (std::size_t begin = 0; begin < op.look.directions(); begin += 4) {
    const auto four = total_of<Op>(op.coordinates(row, lane, lanes, scale, begin), group, lanes);
    if (lane == 0) {
      for (std::size_t i = 0; i < 4; ++i) {
        coordinates[begin + i] = four.coordinate[i];
      }
    }
  }
  __syncwarp(group);
  const auto rests = total_of<Op>(op.rests(row, lane, lanes, scale, coordinates), group, lanes);
  if (lane < 2) {
    finish_half(op, row, lane, scale, coordinates, rests);
  }
  __syncwarp(group);
}

// blockDim.x: lanes of a group, a power of two from 4 to 32; blockDim.y: groups of a block.
template <class Op>
__global__ void __launch_bounds__(tile_threads, Op::blocks) over_tiles(Op op) {
  constexpr std::size_t first_count = first_totals<Op>;
  constexpr std::size_t second_count = second_totals<Op>;
  __shared__ double totals[tile_threads / least_tile_lanes][first_count + second_count];
  double* const first = totals[threadIdx.y];
  double* const second = first + first_count;
  const unsigned lanes = blockDim.x;
  const unsigned group = group_of_lanes();
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.y * Op::tile;
  for (std::size_t begin = (static_cast<std::size_t>(blockIdx.x) * blockDim.y + threadIdx.y) * Op::tile;
       begin < op.rows(); begin += step) {
    unsigned lane = threadIdx.x;
    asm volatile("" : "+r"(lane));  // what follows from it is not held in registers from tile to tile
    {
      double sums[first_count] = {};
      op.first(begin, lane, lanes, sums);
      put_totals(sums, group, lane, lanes, first);
    }
    std::uint32_t marks = 0;
    {
      double sums[second_count] = {};
      marks = joined(op.second(begin, lane, lanes, first, sums), group, lanes);
      put_totals(sums, group, lane, lanes, second);
    }
    std::uint32_t others = 0;
    for (std::size_t k = lane; k < 2 * Op::tile; k += lanes) {
      others |= op.finish_one(begin, k, marks, first, second) ? 0U : 1U << (k % Op::tile);
    }
    others = joined(others, group, lanes);
    for (std::size_t r = 0; others >> r != 0; ++r) {
      if ((others >> r & 1U) != 0) {
        take_by_itself(op, begin + r, group, lanes, first);
      }
    }
  }
}

#else

// Adds up what part(lane, sums) leaves, in the order of the kernel.
template <std::size_t count, class Part>
void run_totals(unsigned lanes, double (&totals)[count], const Part& part) {
  double sums[32][count] = {};
  for (unsigned lane = 0; lane < lanes; ++lane) {
    part(lane, sums[lane]);
  }
  for (unsigned offset = lanes / 2; offset > 0; offset /= 2) {
    for (unsigned lane = 0; lane < offset; ++lane) {
      for (std::size_t i = 0; i < count; ++i) {
        sums[lane][i] += sums[lane + offset][i];
      }
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    totals[i] = sums[0][i];
  }
}

template <class Op>
void run_by_itself(const Op& op, std::size_t row, unsigned lanes) {
  double coordinates[Op::First::numbers];
  const auto scale =
      op.found(row, run_lanes<Op>(lanes, [&](unsigned lane) { return op.norms(row, lane, lanes); }));
  for (std::size_t begin = 0; begin < op.look.directions(); begin += 4) {
    const auto four =
        run_lanes<Op>(lanes, [&](unsigned lane) { return op.coordinates(row, lane, lanes, scale, begin); });
    for (std::size_t i = 0; i < 4; ++i) {
      coordinates[begin + i] = four.coordinate[i];
    }
  }
  const auto rests =
      run_lanes<Op>(lanes, [&](unsigned lane) { return op.rests(row, lane, lanes, scale, coordinates); });
  for (std::size_t half = 0; half < 2; ++half) {
    finish_half(op, row, half, scale, coordinates, rests);
  }
}

template <class Op>
void run_tiles(const Op& op, Dim grid, Dim block) {
  constexpr std::size_t tile = Op::tile;
  const unsigned lanes = block.x;
  const std::size_t step = static_cast<std::size_t>(grid.x) * block.y * tile;
  for (std::size_t group = 0; group < step; group += tile) {
    for (std::size_t begin = group; begin < op.rows(); begin += step) {
      double first[first_totals<Op>];
      double second[second_totals<Op>];
      std::uint32_t marks = 0;
      run_totals(lanes, first, [&](unsigned lane, auto& sums) { op.first(begin, lane, lanes, sums); });
      run_totals(lanes, second,
                 [&](unsigned lane, auto& sums) { marks |= op.second(begin, lane, lanes, first, sums); });
      std::uint32_t others = 0;
      for (std::size_t k = 0; k < 2 * tile; ++k) {
        others |= op.finish_one(begin, k, marks, first, second) ? 0U : 1U << (k % tile);
      }
      for (std::size_t r = 0; r < tile; ++r) {
        if ((others >> r & 1U) != 0) {
          run_by_itself(op, begin + r, lanes);
        }
      }
    }
  }
}

template <class Op>
void over_tiles(Op op) {
  run_tiles(op, {}, {});
}

#endif

}  // namespace collapscope::kernels
