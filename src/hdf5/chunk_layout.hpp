// Where the numbers of a chunk lie among the samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "collapscope/dump/dump.hpp"
#include "hdf5/chunks.hpp"

namespace collapscope::hdf5 {

class ChunkLayout {
 public:
  explicit ChunkLayout(const DatasetIndex& index);

  // Whether the samples of a chunk lie in it as they do in the dataset.
  [[nodiscard]] bool holds_whole_samples() const;

  // Copies what the decoded chunk at `position` of the grid holds of the samples [first, first + count) to
  // its place in `out`, which holds these samples.
  void copy(std::span<const std::byte> chunk, std::uint64_t position, std::uint64_t first,
            std::uint64_t count, std::span<std::byte> out) const;

 private:
  struct Axis {
    std::size_t count;      // steps to take
    std::size_t from_step;  // bytes, in the chunk
    std::size_t to_step;    // bytes, in the samples
  };
  static void copy_axes(std::span<const Axis> axes, const std::byte* from, std::byte* to, std::size_t run);
  static void copy_runs(const Axis& axis, const std::byte* from, std::byte* to, std::size_t run);

  // Axes that chunks do not split are one with the axis before.
  std::vector<std::uint64_t> shape_;
  std::vector<std::uint64_t> chunk_;
  std::size_t element_size_;
  ChunkGrid grid_;
};

}  // namespace collapscope::hdf5
