// The products of a tile's rows, block after block, without a halt of all threads between packing and
// multiplying: while some multiply one group of blocks, others pack the next.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <vector>

#include "core/workers.hpp"
#include "cpu/gram_sum.hpp"

namespace collapscope::cpu {

// Blocks of rows on their way into a product, as doubles and as floats.
struct PackedBlocks {
  PackedRows doubles;
  PackedFloats floats;
};

class GramPipeline {
 public:
  // Puts block number `block` of the tile into place number `place` of `to`; `slot` as of Workers.
  using Pack = std::function<void(std::size_t block, std::size_t slot, PackedBlocks& to, std::size_t place)>;
  // Adds the first `rows` rows to one part of a sum.
  using Multiply = std::function<void(std::size_t part, const PackedBlocks& from, std::size_t rows)>;
  struct Work {
    Pack pack;
    std::size_t parts;
    Multiply multiply;
  };

  // Room for so many blocks.
  [[nodiscard]] static PackedBlocks room_for(const VectorKernels& kernels, std::size_t blocks,
                                             std::size_t columns, std::size_t float_columns);

  // Tiles of at most `tile_blocks` blocks of `columns` columns, `float_columns` of them as floats.
  GramPipeline(const VectorKernels& kernels, std::size_t tile_blocks, std::size_t columns,
               std::size_t float_columns, const Team& team);

  // Does every work for all blocks of a tile of `rows` rows. Each part is added to in the order of the rows,
  // by one thread at a time. Throws what `pack` throws.
  void run(std::size_t rows, const std::vector<Work>& works);

 private:
  // A group of blocks for one work. Step s packs into buffer s % 2.
  struct Step {
    std::size_t work;
    std::size_t group;
    std::size_t first;  // block
    std::size_t rows;
    std::size_t blocks;
  };
  // Tasks from `first` on: the packing of a step's blocks, or the multiplication of its parts.
  struct Span {
    std::size_t first;
    std::size_t step;
    bool packs;
  };
  using Counter = std::atomic<int>;  // of what is done
  struct Counters {
    Counter packed{0};      // blocks
    Counter multiplied{0};  // parts
  };

  std::size_t arrange(std::size_t rows, const std::vector<Work>& works);
  void do_task(std::size_t task, std::size_t slot, const std::vector<Work>& works);
  static void count_up(Counter& counter);
  [[nodiscard]] bool wait_for(const Counter& counter, std::size_t least) const;
  void fail();

  Team team_;
  std::size_t at_once_;  // blocks of a group
  std::array<PackedBlocks, 2> packed_;
  std::vector<Step> steps_;
  std::vector<Span> spans_;
  std::vector<Counters> counters_;  // of the steps
  std::vector<Counter> groups_;     // multiplied so far, by work and part
  std::atomic<bool> failed_{false};
};

}  // namespace collapscope::cpu
