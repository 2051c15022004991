// Where segments of a layer's rows lie, and subtrees of the tree over them.
#pragma once

#include <compare>
#include <cstdint>

namespace collapscope {

// Segments [first, last) of a layer.
struct SegmentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  [[nodiscard]] constexpr std::uint64_t size() const { return last - first; }
  bool operator==(const SegmentRange&) const = default;
};

// Of a tree over segments: those of 2^height segments from `first` on that there are.
struct Subtree {
  std::uint64_t first = 0;
  unsigned height = 0;

  [[nodiscard]] constexpr SegmentRange segments() const {
    return {first, first + (std::uint64_t{1} << height)};
  }
  auto operator<=>(const Subtree&) const = default;
};

// The subtree of all of so many segments.
[[nodiscard]] constexpr Subtree whole_tree(std::uint64_t segments) {
  Subtree whole;
  while (whole.segments().size() < segments) {
    ++whole.height;
  }
  return whole;
}

}  // namespace collapscope
