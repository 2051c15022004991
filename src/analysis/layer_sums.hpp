// What the passes over a layer's rows have given so far, and who is told of it.
#pragma once

#include <cstdint>
#include <functional>

#include "collapscope/analysis/state.hpp"
#include "core/segment_tree.hpp"

namespace collapscope {

struct LayerSums {
  LayerFacts facts;
  SegmentTree<Moments> moments;
  SegmentTree<ResidualSums> residuals;
};

// Called by any thread. What `segment` and `tile` throw ends the pass.
struct LayerListener {
  std::function<void(std::uint64_t bytes)> read;  // so many since the last call
  std::function<void()> segment;                  // one more is in the sums
  std::function<void()> tile;                     // one more begins
};

}  // namespace collapscope
