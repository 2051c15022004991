// Merging segments of rows in one fixed binary tree, so that sums do not depend on who folded which segment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "collapscope/core/moments.hpp"

namespace collapscope {

// Rows of a segment, for a layer of `rows` rows of `features`: a power of two such that there are at most 64
// segments; at least 16,384, or 65,536 of wide rows, for which a segment's own sums are not small change.
[[nodiscard]] std::uint64_t segment_rows(std::uint64_t rows, std::size_t features);

// Finished subtrees: when segments come about in order, log2(segments) + 1 moments at a time.
class MomentTree {
 public:
  // Segment `number`, each once, in any order.
  void put(std::uint64_t number, Moments segment);
  // The merge of all segments; the empty value when there was none. The tree is then empty.
  [[nodiscard]] Moments finish();

 private:
  using Place = std::pair<std::uint64_t, int>;  // first segment, height
  std::map<Place, Moments> subtrees_;
};

}  // namespace collapscope
