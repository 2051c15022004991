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
  const std::uint64_t segments = (plan.samples + plan.segment_samples - 1) / plan.segment_samples;
  const double levels = static_cast<double>(height(segments)) + 1;
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

// Workers where each gets segments enough, and within `left` bytes. tile_samples: of a tile.
// chunk_row_samples, chunk_row_bytes: of the tallest chunks; 0 without chunks.
void plan_workers(LayerPlan& plan, Backend& backend, std::uint64_t tile_samples,
                  std::uint64_t chunk_row_samples, std::uint64_t chunk_row_bytes, std::uint64_t left) {
  const std::uint64_t d = plan.format.row_length();
  const std::uint64_t segments = (plan.samples + plan.segment_samples - 1) / plan.segment_samples;
  const std::span<Backend* const> workers = backend.segment_workers(d);
  const bool devices = plan.workers_are_devices = backend.is_device();
  const std::uint64_t most = std::min<std::uint64_t>(workers.size(), segments);
  if (most < 2 || (!devices && segments < std::min<std::uint64_t>(2 * workers.size(), 16))) {
    return;
  }
  const std::uint64_t tiles_of_chunk = (chunk_row_samples + tile_samples - 1) / tile_samples;
  const std::uint64_t tiles_of_segment = plan.segment_samples / tile_samples;
  const std::uint64_t band =
      devices ? plan.band_samples
              : std::clamp<std::uint64_t>(tiles_of_chunk, 1, tiles_of_segment) * tile_samples;
  // Sums, their copy, two subtrees of others; a tile, packed twice; bands and the reader's chunks.
  const std::uint64_t each = 4 * d * d * 8 + (devices ? 0 : 3 * plan.tile_rows * (d + 8) * 8) +
                             (devices ? 2 : 1) * band * plan.format.sample_bytes() +
                             3 * std::min(plan.cache_bytes, chunk_row_bytes);
  plan.workers = std::min(most, left / each);
  if (plan.workers < 2) {
    plan.workers = 1;
    return;
  }
  plan.worker_threads = workers.front()->threads();
  plan.worker_band_samples = band;
  plan.workers_read = chunk_row_samples <= plan.segment_samples;
  // Devices have fixed shares, whose rows they may keep. Else: chunks that lie across the ends of a run are
  // read twice.
  plan.run_segments =
      devices ? (segments + plan.workers - 1) / plan.workers
              : std::clamp<std::uint64_t>(8 * chunk_row_samples / plan.segment_samples, 1,
                                          std::max<std::uint64_t>(segments / (4 * plan.workers), 1));
  plan.memory += plan.workers * each;
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
  plan_workers(plan, backend, samples_per_tile, chunk_row_samples, chunk_row_bytes,
               (left - std::min(left, bands)) / 2);
  return plan;
}

}  // namespace collapscope
