// Which ranks measure which layers, and which share one. A function of the input and the number of ranks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "collapscope/core/segments.hpp"

namespace collapscope {

struct LayerCost {
  double seconds = 0;  // about
  std::uint64_t segments = 1;
};

struct Share {
  std::size_t rank = 0;
  SegmentRange segments;
  bool operator==(const Share&) const = default;
};

// Of each layer the ranks that take its segments, in order, without gaps; the first one owns the layer: it
// puts the sums together and decomposes. Laid end to end, the layers are cut into pieces of equal cost, one
// for each rank, so that a rank has whole layers and at most two pieces of shared ones. Layers that take less
// than `least_shared` seconds are not cut.
[[nodiscard]] std::vector<std::vector<Share>> divide(const std::vector<LayerCost>& layers, std::size_t ranks,
                                                     double least_shared);

}  // namespace collapscope
