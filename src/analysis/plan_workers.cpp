#include "analysis/plan_workers.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace collapscope {

namespace {

// How several workers would read.
struct Sharing {
  std::uint64_t band = 0;  // samples
  std::uint64_t run = 1;   // segments
  std::uint64_t each = 0;  // bytes that a worker takes
};

// A worker's sums, a copy, two subtrees of others; those of classes, and a subtree of another.
std::uint64_t bytes_of_sums(const LayerPlan& plan, const WorkerCosts& costs) {
  const std::uint64_t width = plan.format.row_length() + costs.targets;
  const std::uint64_t classes = (plan.unit_classes ? 4 : 2) * plan.classes * plan.format.row_length();
  return (4 * width * width + classes) * sizeof(double);
}

// Threads of the CPU: sums; a tile, packed twice; a band and the reader's chunks. Chunks that lie across the
// ends of a run are read twice.
Sharing among_threads(const LayerPlan& plan, std::size_t workers, const WorkerCosts& costs) {
  const std::uint64_t width = plan.format.row_length() + costs.targets;
  const std::uint64_t tile = costs.tile_samples;
  const std::uint64_t tiles_of_chunk = (costs.chunk_row_samples + tile - 1) / tile;
  Sharing sharing;
  sharing.band = std::clamp<std::uint64_t>(tiles_of_chunk, 1, plan.segment_samples / tile) * tile;
  sharing.each = bytes_of_sums(plan, costs) + 3 * plan.tile_rows * (width + 8) * sizeof(double) +
                 sharing.band * (plan.format.sample_bytes() + costs.targets_of_sample) +
                 3 * std::min(plan.cache_bytes, costs.chunk_row_bytes);
  sharing.run = std::clamp<std::uint64_t>(8 * costs.chunk_row_samples / plan.segment_samples, 1,
                                          std::max<std::uint64_t>(plan.segments() / (4 * workers), 1));
  return sharing;
}

// Devices: what comes of segments, and two bands. They have fixed shares, whose rows they may keep. left: for
// all of it.
Sharing among_devices(const LayerPlan& plan, std::size_t workers, const WorkerCosts& costs,
                      std::uint64_t left) {
  const std::uint64_t fixed =
      bytes_of_sums(plan, costs) + 3 * std::min(plan.cache_bytes, costs.chunk_row_bytes);
  const std::uint64_t room = left / workers - std::min(left / workers, fixed);
  const std::uint64_t sample = plan.format.sample_bytes() + costs.targets_of_sample;
  const std::uint64_t tiles = room / 2 / (costs.tile_samples * sample);
  Sharing sharing;
  sharing.band = std::clamp(tiles * costs.tile_samples, costs.tile_samples, plan.band_samples);
  sharing.each = fixed + 2 * sharing.band * sample;
  sharing.run = (plan.segments() + workers - 1) / workers;
  return sharing;
}

}  // namespace

void plan_workers(LayerPlan& plan, Backend& backend, const WorkerCosts& costs, std::uint64_t left,
                  std::uint64_t bands) {
  const std::span<Backend* const> workers = backend.segment_workers(plan.format.row_length());
  const bool devices = plan.workers_are_devices = backend.is_device();
  const std::size_t most = std::min<std::uint64_t>(workers.size(), plan.segments());
  if (most < 2 || (!devices && plan.segments() < std::min<std::uint64_t>(2 * workers.size(), 16))) {
    return;
  }
  const std::uint64_t budget = devices ? left : (left - std::min(left, bands)) / 2;
  const Sharing sharing = devices ? among_devices(plan, most, costs, left) : among_threads(plan, most, costs);
  const std::size_t fit = std::min<std::uint64_t>(most, budget / sharing.each);
  if (fit < 2 || (devices && fit < most)) {
    return;
  }
  plan.workers = fit;
  plan.worker_threads = workers.front()->threads();
  plan.worker_band_samples = sharing.band;
  plan.workers_read = costs.chunk_row_samples <= plan.segment_samples;
  plan.run_segments = sharing.run;
  plan.memory += fit * sharing.each;
  plan.memory -= devices ? std::min(bands, plan.memory) : 0;
}

}  // namespace collapscope
