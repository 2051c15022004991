// The shapes of our kernels: over items, over rows, over columns. An Op is a plain struct of
// arguments with a __host__ __device__ body, so that tests run the same body on the host.
//
//   items         op.count() items;            op(i), by CUB
//   over_rows     op.rows() rows, each shared by the lanes of a group of at most 32 threads;
//                 op.slice(row, lane, lanes) -> Op::Partial, Op::combine(a, b), op.finish(row, total);
//                 op.ahead(row, lane, lanes), where an Op has it, before the row that comes before this one
//   over_rows_in_steps  the same in three steps, each of which knows what those before it have found of the
//   row:
//                 op.first(row, lane, lanes), of whose total op.found(row, total) makes what the others take
//                 for `first`; op.second(..., first), op.third(..., first, second), op.finish(row, first,
//                 second, third)
//   over_columns  op.columns() columns, op.chunks() chunks of rows;   op.at(column, chunk)
//
// Items do not know of each other. Rows and columns stride over the grid: any launch geometry gives the same
// sums but for `lanes`, which fixes the order in which a row is summed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "element.hpp"

namespace collapscope::kernels {

// Of a block.
inline constexpr unsigned most_threads = 256;
// Blocks that share a multiprocessor, at least: so many threads hide what memory takes. Only where the
// compiler needs no memory for registers then.
#if defined(__CUDA_ARCH__) && (__CUDA_ARCH__ == 800 || __CUDA_ARCH__ == 900)
inline constexpr unsigned least_blocks = 4;
#else
inline constexpr unsigned least_blocks = 1;
#endif

#if defined(__CUDACC__)

// Word-wise, because shuffles know only plain numbers. `group` has the lanes that take part.
template <class Partial>
__device__ inline Partial shuffled(unsigned group, const Partial& mine, unsigned offset, unsigned lanes) {
  static_assert(sizeof(Partial) % sizeof(std::uint64_t) == 0, "partial results consist of 8-byte words");
  constexpr std::size_t words = sizeof(Partial) / sizeof(std::uint64_t);
  unsigned long long bits[words];
  memcpy(bits, &mine, sizeof mine);
#pragma unroll
  for (std::size_t i = 0; i < words; ++i) {
    bits[i] = __shfl_xor_sync(group, bits[i], static_cast<int>(offset), static_cast<int>(lanes));
  }
  Partial other;
  memcpy(&other, bits, sizeof other);
  return other;
}

// The lanes that share this thread's row.
__device__ inline unsigned group_of_lanes() {
  const unsigned lanes = blockDim.x;
  const unsigned thread = (threadIdx.y * blockDim.x + threadIdx.x) % 32;
  return lanes == 32 ? 0xffffffffU : ((1U << lanes) - 1U) << (thread / lanes * lanes);
}

// For every lane of the group.
template <class Op, class Partial>
__device__ inline Partial total_of(Partial mine, unsigned group, unsigned lanes) {
  for (unsigned offset = lanes / 2; offset > 0; offset /= 2) {
    mine = Op::combine(mine, shuffled(group, mine, offset, lanes));
  }
  return mine;
}

// blockDim.x: lanes of a group, a power of two up to 32; blockDim.y: groups of a block.
template <class Op>
__global__ void __launch_bounds__(most_threads, least_blocks) over_rows(Op op) {
  const unsigned lanes = blockDim.x;
  const unsigned group = group_of_lanes();
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.y;
  for (std::size_t row = static_cast<std::size_t>(blockIdx.x) * blockDim.y + threadIdx.y; row < op.rows();
       row += step) {
    if constexpr (requires { op.ahead(row, lanes, lanes); }) {
      op.ahead(row + step, threadIdx.x, lanes);
    }
    const auto total = total_of<Op>(op.slice(row, threadIdx.x, lanes), group, lanes);
    if (threadIdx.x == 0) {
      op.finish(row, total);
    }
  }
}

template <class Op>
__global__ void __launch_bounds__(most_threads) over_rows_in_steps(Op op) {
  const unsigned lanes = blockDim.x;
  const unsigned group = group_of_lanes();
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.y;
  for (std::size_t row = static_cast<std::size_t>(blockIdx.x) * blockDim.y + threadIdx.y; row < op.rows();
       row += step) {
    const auto first = op.found(row, total_of<Op>(op.first(row, threadIdx.x, lanes), group, lanes));
    const auto second = total_of<Op>(op.second(row, threadIdx.x, lanes, first), group, lanes);
    const auto third = total_of<Op>(op.third(row, threadIdx.x, lanes, first, second), group, lanes);
    if (threadIdx.x == 0) {
      op.finish(row, first, second, third);
    }
  }
}

// blockDim.x: neighbouring columns; blockDim.y: chunks of a block.
template <class Op>
__global__ void __launch_bounds__(most_threads, least_blocks) over_columns(Op op) {
  const std::size_t column_step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  const std::size_t chunk_step = static_cast<std::size_t>(gridDim.y) * blockDim.y;
  for (std::size_t chunk = static_cast<std::size_t>(blockIdx.y) * blockDim.y + threadIdx.y;
       chunk < op.chunks(); chunk += chunk_step) {
    for (std::size_t column = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
         column < op.columns(); column += column_step) {
      op.at(column, chunk);
    }
  }
}

#else

// Launch geometry, where there is no CUDA header to name it.
struct Dim {
  unsigned x = 1;
  unsigned y = 1;
};

// The host twins walk the same indices as the kernels would. Their plain forms below have the kernels'
// names and arguments, hence their symbols.
template <class Op>
void run_items(const Op& op, Dim grid, Dim block) {
  const std::size_t step = static_cast<std::size_t>(grid.x) * block.x;
  for (std::size_t thread = 0; thread < step; ++thread) {
    for (std::size_t i = thread; i < op.count(); i += step) {
      op(i);
    }
  }
}

// part(lane) of all lanes, combined.
template <class Op, class Part>
auto run_lanes(unsigned lanes, const Part& part) {
  decltype(part(0U)) parts[32];
  for (unsigned lane = 0; lane < lanes; ++lane) {
    parts[lane] = part(lane);
  }
  for (unsigned offset = lanes / 2; offset > 0; offset /= 2) {
    for (unsigned lane = 0; lane < offset; ++lane) {
      parts[lane] = Op::combine(parts[lane], parts[lane + offset]);
    }
  }
  return parts[0];
}

template <class Op>
void run_rows(const Op& op, Dim grid, Dim block) {
  const unsigned lanes = block.x;
  const std::size_t step = static_cast<std::size_t>(grid.x) * block.y;
  for (std::size_t group = 0; group < step; ++group) {
    for (std::size_t row = group; row < op.rows(); row += step) {
      op.finish(row, run_lanes<Op>(lanes, [&](unsigned lane) { return op.slice(row, lane, lanes); }));
    }
  }
}

template <class Op>
void run_rows_in_steps(const Op& op, Dim grid, Dim block) {
  const unsigned lanes = block.x;
  const std::size_t step = static_cast<std::size_t>(grid.x) * block.y;
  for (std::size_t group = 0; group < step; ++group) {
    for (std::size_t row = group; row < op.rows(); row += step) {
      const auto first =
          op.found(row, run_lanes<Op>(lanes, [&](unsigned lane) { return op.first(row, lane, lanes); }));
      const auto second =
          run_lanes<Op>(lanes, [&](unsigned lane) { return op.second(row, lane, lanes, first); });
      const auto third =
          run_lanes<Op>(lanes, [&](unsigned lane) { return op.third(row, lane, lanes, first, second); });
      op.finish(row, first, second, third);
    }
  }
}

template <class Op>
void run_columns(const Op& op, Dim grid, Dim block) {
  const std::size_t column_step = static_cast<std::size_t>(grid.x) * block.x;
  const std::size_t chunk_step = static_cast<std::size_t>(grid.y) * block.y;
  for (std::size_t y = 0; y < chunk_step; ++y) {
    for (std::size_t chunk = y; chunk < op.chunks(); chunk += chunk_step) {
      for (std::size_t thread = 0; thread < column_step; ++thread) {
        for (std::size_t column = thread; column < op.columns(); column += column_step) {
          op.at(column, chunk);
        }
      }
    }
  }
}

template <class Op>
void over_rows(Op op) {
  run_rows(op, {}, {});
}
template <class Op>
void over_rows_in_steps(Op op) {
  run_rows_in_steps(op, {}, {});
}
template <class Op>
void over_columns(Op op) {
  run_columns(op, {}, {});
}

#endif

}  // namespace collapscope::kernels
