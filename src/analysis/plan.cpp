// What a layer will cost, and how its memory is shared out.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>

#include "analysis/layer_format.hpp"
#include "analysis/needs.hpp"
#include "analysis/plan_costs.hpp"
#include "collapscope/analysis/analysis.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "core/memory.hpp"
#include "core/segment_tree.hpp"

namespace collapscope {

namespace {

constexpr std::uint64_t MiB = std::uint64_t{1} << 20U;
constexpr std::uint64_t largest_band = 64 * MiB;
constexpr std::uint64_t largest_buffer = 256 * MiB;
constexpr std::uint64_t largest_tile = 128 * MiB;
constexpr std::uint64_t largest_kept = 1024 * MiB;      // bytes that are dear to read again
constexpr std::uint64_t largest_kept_plain = 16 * MiB;  // bytes that the page cache holds anyway

std::uint64_t height(std::uint64_t segments) {
  std::uint64_t levels = 0;
  while (segments > 1) {
    segments = (segments + 1) / 2;
    ++levels;
  }
  return levels;
}

// d x d matrices alive at once: while folding, one per level of the tree and the sum itself; while
// decomposing, the scatter, the matrix, its vectors and LAPACK's workspace of two.
double matrices(const LayerPlan& plan) {
  const double levels = static_cast<double>(height(plan.segments())) + 1;
  const double fold = (plan.normalized_scatter ? 2.0 : 1.0) * (levels + 1);
  const double decompose = plan.normalized_scatter ? 7.0 : 6.0;
  return std::max(fold, decompose);
}

// Decoded; 0 without chunks.
std::uint64_t bytes_of_chunk(const DatasetIndex& dataset) {
  return dataset.chunk.empty() ? 0
                               : std::accumulate(dataset.chunk.begin(), dataset.chunk.end(),
                                                 std::uint64_t{dataset.element.size()}, std::multiplies<>());
}

// Compressed, or in chunks that split the samples and have to be put together.
bool dear_to_read(const DatasetIndex& dataset) {
  return !dataset.filters.empty() ||
         (dataset.chunk.size() > 1 &&
          !std::equal(dataset.chunk.begin() + 1, dataset.chunk.end(), dataset.shape.begin() + 1));
}

// Fewer rows than the backend likes where a row is pooled from a large image.
std::size_t rows_of_tile(const Backend& backend, const RowFormat& format) {
  std::size_t rows = backend.tile_rows(format.row_length());
  const std::size_t row_bytes = format.sample_bytes() / format.rows_per_sample();
  while (rows > 1 && rows * row_bytes > largest_tile) {
    rows /= 2;
  }
  return rows;
}

// Of whole tiles, as long as the backend likes.
std::uint64_t samples_of_segment(const LayerPlan& plan, const Backend& backend, std::uint64_t tile_samples) {
  const std::uint64_t tile = tile_samples * plan.format.rows_per_sample();
  const std::uint64_t rows = backend.segment_rows(plan.rows, plan.format.row_length());
  return (rows + tile - 1) / tile * tile_samples;
}

// The tallest chunks of a layer; 0 without chunks.
struct ChunkRow {
  std::uint64_t samples = 0;
  std::uint64_t bytes = 0;
};

// How several workers would read.
struct Sharing {
  std::uint64_t band = 0;  // samples
  std::uint64_t run = 1;   // segments
  std::uint64_t each = 0;  // bytes that a worker takes
};

// Threads of the CPU: their sums, a copy, two subtrees of others; a tile, packed twice; a band and the
// reader's chunks. Chunks that lie across the ends of a run are read twice.
Sharing among_threads(const LayerPlan& plan, std::size_t workers, std::uint64_t tile, const ChunkRow& chunk) {
  const std::uint64_t d = plan.format.row_length();
  const std::uint64_t segments = plan.segments();
  Sharing sharing;
  sharing.band =
      std::clamp<std::uint64_t>((chunk.samples + tile - 1) / tile, 1, plan.segment_samples / tile) * tile;
  sharing.each = 4 * d * d * 8 + 3 * plan.tile_rows * (d + 8) * 8 +
                 sharing.band * plan.format.sample_bytes() + 3 * std::min(plan.cache_bytes, chunk.bytes);
  sharing.run = std::clamp<std::uint64_t>(8 * chunk.samples / plan.segment_samples, 1,
                                          std::max<std::uint64_t>(segments / (4 * workers), 1));
  return sharing;
}

// Devices: what comes of segments, and two bands. They have fixed shares, whose rows they may keep. left: for
// all of it.
Sharing among_devices(const LayerPlan& plan, std::size_t workers, std::uint64_t tile, const ChunkRow& chunk,
                      std::uint64_t left) {
  const std::uint64_t d = plan.format.row_length();
  const std::uint64_t fixed = 4 * d * d * 8 + 3 * std::min(plan.cache_bytes, chunk.bytes);
  const std::uint64_t room = left / workers - std::min(left / workers, fixed);
  Sharing sharing;
  sharing.band = std::clamp<std::uint64_t>(room / 2 / (tile * plan.format.sample_bytes()) * tile, tile,
                                           plan.band_samples);
  sharing.each = fixed + 2 * sharing.band * plan.format.sample_bytes();
  sharing.run = (plan.segments() + workers - 1) / workers;
  return sharing;
}

// Workers where each gets segments enough, and within the memory. tile: its samples. left: bytes for bands
// and workers; bands: those that one worker alone would take.
void plan_workers(LayerPlan& plan, Backend& backend, std::uint64_t tile, const ChunkRow& chunk,
                  std::uint64_t left, std::uint64_t bands) {
  const std::span<Backend* const> workers = backend.segment_workers(plan.format.row_length());
  const bool devices = plan.workers_are_devices = backend.is_device();
  const std::size_t most = std::min<std::uint64_t>(workers.size(), plan.segments());
  if (most < 2 || (!devices && plan.segments() < std::min<std::uint64_t>(2 * workers.size(), 16))) {
    return;
  }
  const std::uint64_t budget = devices ? left : (left - std::min(left, bands)) / 2;
  const Sharing sharing =
      devices ? among_devices(plan, most, tile, chunk, left) : among_threads(plan, most, tile, chunk);
  const std::size_t fit = std::min<std::uint64_t>(most, budget / sharing.each);
  if (fit < 2 || (devices && fit < most)) {
    return;
  }
  plan.workers = fit;
  plan.worker_threads = workers.front()->threads();
  plan.worker_band_samples = sharing.band;
  plan.workers_read = chunk.samples <= plan.segment_samples;
  plan.run_segments = sharing.run;
  plan.memory += fit * sharing.each;
  plan.memory -= devices ? std::min(bands, plan.memory) : 0;
}

}  // namespace

std::uint64_t default_memory() { return usable_memory() / 2; }

LayerPlan plan_layer(const std::vector<LayerIndex>& shards, std::size_t targets,
                     const AnalysisOptions& options, std::uint64_t memory, Backend& backend) {
  LayerPlan plan;
  plan.format = layer_format(shards.front(), options.pool);
  bool dear = false;
  std::uint64_t chunk_row_samples = 0;
  std::uint64_t chunk_row_bytes = 0;
  std::uint64_t chunk_bytes = 0;
  for (const LayerIndex& shard : shards) {
    plan.samples += shard.activations.samples();
    plan.bytes += shard.activations.bytes();
    dear = dear || dear_to_read(shard.activations);
    const std::uint64_t rows = shard.activations.chunk.empty() ? 0 : shard.activations.chunk[0];
    chunk_row_samples = std::max(chunk_row_samples, std::min(rows, shard.activations.samples()));
    chunk_row_bytes = chunk_row_samples * plan.format.sample_bytes();
    chunk_bytes = std::max(chunk_bytes, bytes_of_chunk(shard.activations));
  }
  plan.rows = plan.samples * plan.format.rows_per_sample();
  choose_looks(plan, targets, options, dear);
  plan.needs = layer_needs(plan, targets, options);

  const std::size_t d = plan.format.row_length();
  const std::size_t tile_rows = plan.tile_rows = rows_of_tile(backend, plan.format);
  const std::uint64_t samples_per_tile =
      std::max<std::uint64_t>(1, tile_rows / plan.format.rows_per_sample());
  plan.segment_samples = samples_of_segment(plan, backend, samples_per_tile);
  const std::uint64_t tile_bytes = samples_per_tile * plan.format.sample_bytes();
  const double wide = static_cast<double>(d);
  const double fixed = matrices(plan) * wide * wide * 8 +
                       static_cast<double>(tile_rows) * 8 *
                           (2 * wide + static_cast<double>(plan.format.sample_elements()) / 64 +
                            static_cast<double>(2 * targets + options.signal_dim.value_or(targets)) + 64);
  const double least = fixed + 2 * static_cast<double>(tile_bytes);
  if (least > static_cast<double>(memory)) {
    throw UsageError(fmt::format("needs {} for its {} x {} matrices and tiles; the budget is {} (--memory)",
                                 human_bytes(static_cast<std::uint64_t>(std::min(least, 1e19))), d, d,
                                 human_bytes(memory)));
  }
  plan.least_memory = static_cast<std::uint64_t>(std::ceil(least));
  std::uint64_t left = memory - static_cast<std::uint64_t>(fixed);
  plan.memory = static_cast<std::uint64_t>(fixed);
  plan.cache_bytes = std::min({left / 4, left - 2 * tile_bytes, chunk_row_bytes});
  left -= plan.cache_bytes;
  if (chunk_bytes > 0) {
    // Stored chunks, two decoded ones, and those put together, for every thread that reads.
    const std::uint64_t wanted = backend.threads() * (2 * std::max(chunk_bytes, MiB) + 2 * chunk_bytes);
    plan.buffer_bytes = std::min({left / 8, left - 2 * tile_bytes, largest_buffer, wanted});
    left -= plan.buffer_bytes;
  }
  const std::uint64_t keep_limit = dear ? largest_kept : largest_kept_plain;
  plan.backend_keeps = plan.looks == 2 && backend.keeps_rows(plan.bytes);
  plan.keeps_bytes = plan.looks == 2 && !plan.backend_keeps && plan.bytes <= std::min(left / 2, keep_limit);
  const std::uint64_t wanted = std::clamp(chunk_row_bytes, 8 * MiB, largest_band);
  const std::uint64_t band = std::max(tile_bytes, std::min(wanted, left / 4) / tile_bytes * tile_bytes);
  plan.band_samples = band / plan.format.sample_bytes();
  const std::uint64_t bands = plan.keeps_bytes ? plan.bytes : 2 * std::min(band, plan.bytes);
  plan.memory += plan.cache_bytes + plan.buffer_bytes + bands;
  plan_workers(plan, backend, samples_per_tile, {chunk_row_samples, chunk_row_bytes}, left, bands);
  return plan;
}

}  // namespace collapscope
