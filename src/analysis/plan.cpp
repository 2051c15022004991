// What a layer will cost, and how its memory is shared out.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>

#include "analysis/layer_format.hpp"
#include "analysis/needs.hpp"
#include "analysis/next_weight.hpp"
#include "analysis/plan_costs.hpp"
#include "analysis/plan_memory.hpp"
#include "analysis/plan_workers.hpp"
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
constexpr std::uint64_t largest_tile = 32 * MiB;  // as stored
// Of rows that are pooled on a CPU, unless they are fewer than products take well.
constexpr std::uint64_t usual_tile = 8 * MiB;
constexpr std::size_t enough_rows = 256;
constexpr std::uint64_t largest_kept = 1024 * MiB;      // bytes that are dear to read again
constexpr std::uint64_t largest_kept_plain = 16 * MiB;  // bytes that the page cache holds anyway

std::uint64_t levels_above(std::uint64_t segments) {
  std::uint64_t levels = 0;
  while (segments > 1) {
    segments = (segments + 1) / 2;
    ++levels;
  }
  return levels;
}

// Of matrices alive at once: while folding, the sums over features and targets, one set per level of the tree
// and the whole; while decomposing, the scatter, the matrix, its vectors and LAPACK's workspace of two, and
// what comes of the cross scatter; in a second look for the nearest class mean, vectors, scatter and
// whitenings, beside what the threads take.
double bytes_of_matrices(const LayerPlan& plan, std::size_t targets, std::size_t signal_dim,
                         bool keeps_states, double class_look) {
  const double d = static_cast<double>(plan.format.row_length());
  const double n = static_cast<double>(targets);
  const double levels = static_cast<double>(levels_above(plan.segments())) + 1;
  const double kinds = plan.normalized_scatter ? 2 : 1;
  // Of what scatters hold: products, or rows and a direction or two behind them.
  const double height =
      plan.few_rows ? static_cast<double>(std::max<std::uint64_t>(plan.rows, signal_dim) + 2) : d;
  const double sums = kinds * height * d + d * n + n * n;
  const double saved = keeps_states ? 2 : 1;  // the file of a state is made in memory
  const double fold = kinds * (height + n) * (d + n) + saved * levels * sums;
  const double decompose = (5 + kinds) * height * d + 6 * d * n + 2 * n * n + (keeps_states ? 2 * sums : 0);
  const double look = class_look > 0 ? 5 * height * d * sizeof(double) + class_look : 0;
  return std::max({std::max(fold, decompose) * sizeof(double), look, bytes_of_class_covariances(plan)});
}

// Fewer rows than the backend likes where they take much as they are stored: of an image that is pooled, or
// of wide types on a GPU. Smaller bands come with smaller tiles, and less page-locked memory.
std::size_t rows_of_tile(const Backend& backend, const RowFormat& format) {
  std::size_t rows = backend.tile_rows(format.row_length());
  const std::size_t row_bytes = format.sample_bytes() / format.rows_per_sample();
  while (!backend.is_device() && rows > enough_rows && rows * row_bytes > usual_tile) {
    rows /= 2;
  }
  while (rows > 1 && rows * row_bytes > largest_tile) {
    rows /= 2;
  }
  return rows;
}

void require_one_pool(const std::vector<LayerIndex>& shards) {
  const auto pool_of = [](const LayerIndex& shard) { return shard.pool.value_or(Pool::mean); };
  for (const LayerIndex& shard : shards) {
    if (pool_of(shard) != pool_of(shards.front())) {
      throw InputError(shard.activations.file, shard.activations.object,
                       fmt::format(R"(found pool "{}"; the first shard has "{}"; --pool says one for all)",
                                   pool_name(pool_of(shard)), pool_name(pool_of(shards.front()))));
    }
  }
}

// Of whole tiles, as long as the backend likes.
std::uint64_t samples_of_segment(const LayerPlan& plan, const Backend& backend, std::uint64_t tile_samples) {
  const std::uint64_t tile = tile_samples * plan.format.rows_per_sample();
  const std::size_t d = plan.format.row_length();
  std::uint64_t rows = backend.segment_rows(plan.rows, d);
  if (plan.classes > 0) {
    rows = segment_rows_with_classes(rows, plan.rows, d, plan.classes);
  }
  return (rows + tile - 1) / tile * tile_samples;
}

}  // namespace

std::uint64_t default_memory() { return std::min(usable_memory(), address_space_left()) / 2; }

void require_targets_fit(const Checkpoint& checkpoint, std::uint64_t memory) {
  const CheckpointIndex& first = checkpoint.front();
  const std::uint64_t least = targets_memory(checkpoint);
  if (least > memory) {
    throw InputError(
        first.targets.file, first.targets.object,
        fmt::format(
            "needs {} for the matrices and chunks of targets of shape {}; the budget is {} (--memory)",
            human_bytes(least), shape_text(first.targets.shape), human_bytes(memory)));
  }
}

LayerPlan plan_layer(const std::vector<LayerIndex>& shards, std::size_t targets,
                     const AnalysisOptions& options, std::uint64_t memory, Backend& backend,
                     std::uint64_t classes) {
  if (shards.empty()) {
    throw UsageError("found a layer without shards; expected one at least");
  }
  LayerPlan plan;
  plan.classes = classes;
  if (!options.pool) {
    require_one_pool(shards);
  }
  plan.format = layer_format(shards.front(), options.pool);
  for (const LayerIndex& shard : shards) {
    plan.samples += shard.activations.samples();
    plan.bytes += shard.activations.bytes();
  }
  const StoredChunks chunks(shards);
  const std::uint64_t chunk_row_bytes = chunks.row_samples * plan.format.sample_bytes();
  plan.rows = plan.samples * plan.format.rows_per_sample();
  const std::size_t signal = options.signal_dim.value_or(classes > 0 ? classes - 1 : targets);
  choose_rows(plan, signal, options);
  if (classes > 0) {
    choose_looks_of_classes(plan, options);
  } else {
    choose_looks(plan, targets, options, chunks.dear);
  }
  plan.needs = layer_needs(plan, targets, options);

  const std::size_t d = plan.format.row_length();
  const std::size_t tile_rows = plan.tile_rows = rows_of_tile(backend, plan.format);
  const std::uint64_t samples_per_tile =
      std::max<std::uint64_t>(1, tile_rows / plan.format.rows_per_sample());
  plan.segment_samples = samples_of_segment(plan, backend, samples_per_tile);
  const std::uint64_t tile_bytes = samples_per_tile * plan.format.sample_bytes();
  // Labels may be of positions.
  const std::size_t of_sample = classes > 0 ? plan.format.rows_per_sample() : targets;
  const TargetCosts target_costs(plan.samples, of_sample, memory);
  const std::uint64_t tile_with_targets = tile_bytes + samples_per_tile * target_costs.of_band_sample;
  plan.weight_memory = weight_memory(shards, plan);
  const double held = held_target_matrices(targets) + static_cast<double>(target_costs.kept);
  const double class_look = bytes_of_class_look(plan, backend.is_device() ? 0 : backend.threads());
  const double of_classes = bytes_of_classes(plan, shards);
  const double fixed =
      bytes_of_matrices(plan, targets, signal, options.keeps_states, class_look) + of_classes +
      held_of_weight(shards, plan, targets) + held +
      static_cast<double>(std::min<std::uint64_t>(tile_rows, plan.rows)) * 8 *
          (2 * static_cast<double>(d) + static_cast<double>(plan.format.sample_elements()) / 64 +
           static_cast<double>(2 * targets + options.signal_dim.value_or(targets)) + 64);
  const double least =
      fixed + 2 * static_cast<double>(tile_with_targets) + static_cast<double>(chunks.reading);
  double with_weight = held + static_cast<double>(plan.weight_memory);
  if (std::max(least, with_weight) > static_cast<double>(memory)) {
    refuse({shards, plan, targets, chunks.reading, least, with_weight, of_classes + class_look,
            samples_per_tile, 2 * tile_bytes},
           memory);
  }
  if (const double both = held + next_weight_memory(shards, plan);
      plan.needs.no_balance.empty() && both > static_cast<double>(memory)) {
    plan.needs.no_balance = "two weights do not fit --memory";
  } else if (plan.needs.no_balance.empty()) {
    with_weight = std::max(with_weight, both);
  }
  plan.least_memory = whole_bytes(std::max(least, with_weight));
  std::uint64_t left = memory - static_cast<std::uint64_t>(std::ceil(fixed)) - chunks.reading;
  plan.memory = whole_bytes(fixed) + chunks.reading;
  plan.cache_bytes = std::min({left / 4, left - 2 * tile_with_targets, chunk_row_bytes});
  left -= plan.cache_bytes;
  plan.buffer_bytes = chunks.reading;
  if (chunks.bytes > 0) {
    // Stored chunks, two decoded ones, and those put together, for every thread that reads.
    const std::uint64_t wanted = backend.threads() * (2 * std::max(chunks.bytes, MiB) + 2 * chunks.bytes);
    const std::uint64_t more = std::min({left / 8, left - 2 * tile_with_targets, largest_buffer, wanted});
    plan.buffer_bytes += more;
    left -= more;
    plan.memory += more;
  }
  const std::uint64_t keep_limit = chunks.dear ? largest_kept : largest_kept_plain;
  plan.backend_keeps = plan.looks == 2 && !plan.few_rows && backend.keeps_rows(plan.bytes);
  plan.keeps_bytes = plan.looks == 2 && !plan.backend_keeps && plan.bytes <= std::min(left / 2, keep_limit);
  const std::uint64_t wanted = std::clamp(chunk_row_bytes, 8 * MiB, largest_band);
  const std::uint64_t tiles =
      std::max<std::uint64_t>(1, std::min(wanted / tile_bytes, left / 4 / tile_with_targets));
  plan.band_samples = tiles * samples_per_tile;
  const std::uint64_t band = std::min(plan.band_samples, plan.samples) * plan.format.sample_bytes();
  const std::uint64_t band_targets = std::min(plan.band_samples, plan.samples) * target_costs.of_band_sample;
  const std::uint64_t bands = (plan.keeps_bytes ? plan.bytes : 2 * band) + 2 * band_targets;
  plan.memory += plan.cache_bytes + bands;
  plan_workers(plan, backend,
               {samples_per_tile, chunks.row_samples, chunk_row_bytes, target_costs.of_band_sample,
                classes > 0 ? 1 : targets},
               left, bands);
  plan.memory = std::max(plan.memory, whole_bytes(with_weight));  // before the rows are read
  return plan;
}

}  // namespace collapscope
