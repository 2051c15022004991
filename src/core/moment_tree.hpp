// Merging segments of rows in one fixed binary tree, so that sums do not depend on who folded which segment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "collapscope/moments.hpp"

namespace collapscope {

// Rows of a segment, for a layer of `rows` rows: a power of two, at least 65,536, such that there are at
// most 64 segments.
[[nodiscard]] std::uint64_t segment_rows(std::uint64_t rows);

// A binary counter of finished subtrees: holds at most log2(segments) + 1 moments at a time.
class MomentTree {
 public:
  // The next segment, in order.
  void push(Moments segment);
  // The merge of all segments; the empty value when there was none.
  [[nodiscard]] Moments finish();

 private:
  std::vector<std::pair<int, Moments>> subtrees_;  // (height, moments), heights descending
};

}  // namespace collapscope
