#include "hdf5/chunk_layout.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

namespace collapscope::hdf5 {

namespace {

using Shape = std::vector<std::uint64_t>;

// `extents` (of the dataset or a chunk) with the axes that chunks do not split joined to those before; the
// first axis stays by itself.
Shape joined(const DatasetIndex& index, Shape extents) {
  if (extents.size() == 1) {
    extents.push_back(1);
  }
  for (std::size_t last = index.shape.size() - 1; last >= 2 && index.chunk[last] == index.shape[last];
       --last) {
    extents[last - 1] *= extents[last];
    extents.pop_back();
  }
  return extents;
}

}  // namespace

ChunkLayout::ChunkLayout(const DatasetIndex& index)
    : shape_(joined(index, index.shape)),
      chunk_(joined(index, index.chunk)),
      element_size_(index.element.size()),
      grid_(shape_, chunk_) {}

bool ChunkLayout::holds_whole_samples() const {
  return std::equal(shape_.begin() + 1, shape_.end(), chunk_.begin() + 1);
}

void ChunkLayout::copy(std::span<const std::byte> chunk, std::uint64_t position, std::uint64_t first,
                       std::uint64_t count, std::span<std::byte> out) const {
  std::array<std::uint64_t, H5S_MAX_RANK> offset{};
  grid_.offset(position, offset);
  const std::uint64_t begin = std::max(first, offset[0]);
  const std::uint64_t end = std::min({first + count, offset[0] + chunk_[0], shape_[0]});
  if (begin >= end) {
    return;
  }
  const std::size_t rank = shape_.size();
  std::array<Axis, H5S_MAX_RANK + 1> axes{};
  std::size_t from_step = element_size_;
  std::size_t to_step = element_size_;
  std::size_t to_offset = 0;
  for (std::size_t i = rank; i-- > 1;) {
    axes[i] = {std::min(chunk_[i], shape_[i] - offset[i]), from_step, to_step};
    to_offset += offset[i] * to_step;
    from_step *= chunk_[i];
    to_step *= shape_[i];
  }
  axes[0] = {end - begin, from_step, to_step};
  const std::size_t run = axes[rank - 1].count * element_size_;
  copy_axes(std::span(axes).first(rank - 1), chunk.data() + (begin - offset[0]) * from_step,
            out.data() + (begin - first) * to_step + to_offset, run);
}

void ChunkLayout::copy_axes(std::span<const Axis> axes, const std::byte* from, std::byte* to,
                            std::size_t run) {
  const Axis& axis = axes.front();
  if (axes.size() == 1) {
    copy_runs(axis, from, to, run);
    return;
  }
  for (std::size_t i = 0; i < axis.count; ++i) {
    copy_axes(axes.subspan(1), from, to, run);
    from += axis.from_step;
    to += axis.to_step;
  }
}

// Runs are short where automatic chunks split the features: copies of a known size need no call.
void ChunkLayout::copy_runs(const Axis& axis, const std::byte* from, std::byte* to, std::size_t run) {
  const auto copy = [&](auto size) {
    for (std::size_t i = 0; i < axis.count; ++i) {
      std::memcpy(to + i * axis.to_step, from + i * axis.from_step, size);
    }
  };
  switch (run) {
    case 2:
      return copy(std::integral_constant<std::size_t, 2>());
    case 4:
      return copy(std::integral_constant<std::size_t, 4>());
    case 8:
      return copy(std::integral_constant<std::size_t, 8>());
    case 16:
      return copy(std::integral_constant<std::size_t, 16>());
    case 32:
      return copy(std::integral_constant<std::size_t, 32>());
    case 64:
      return copy(std::integral_constant<std::size_t, 64>());
    default:
      return copy(run);
  }
}

}  // namespace collapscope::hdf5
