// Who takes the segments of a layer.
#pragma once

#include <cstdint>

#include "collapscope/analysis/analysis.hpp"

namespace collapscope {

// What workers take besides sums.
struct WorkerCosts {
  std::uint64_t tile_samples;       // of a tile
  std::uint64_t chunk_row_samples;  // of the tallest chunks; 0 without chunks
  std::uint64_t chunk_row_bytes;
  std::uint64_t targets_of_sample;  // bytes, of a band
  std::uint64_t targets;            // n
};

// Sets the workers of a plan that is complete but for them: several where each gets segments enough, and
// within the memory. left: bytes for bands and workers; bands: those that one worker alone would take.
void plan_workers(LayerPlan& plan, Backend& backend, const WorkerCosts& costs, std::uint64_t left,
                  std::uint64_t bands);

}  // namespace collapscope
