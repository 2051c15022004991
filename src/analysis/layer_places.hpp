// The layers of a checkpoint in their order, those without a result included.
#pragma once

#include <optional>
#include <vector>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/results/results.hpp"

namespace collapscope {

// What has come of a layer; without a result it failed.
struct LayerEnd {
  const LayerIndex* index = nullptr;
  std::optional<LayerResult> result;
};

// Gives the checkpoint's result its layers, what they say over depth, where those that --layers leaves out do
// not count, and which failed: those of `ends`, and those that the index has no more.
void put_layers(CheckpointResult& result, const Checkpoint& checkpoint, std::vector<LayerEnd> ends);

}  // namespace collapscope
