#include "analysis/plan_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>
#include <string>

#include "analysis/whitened_scatter.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/stored_matrix.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope {

namespace {

constexpr double number_bytes = sizeof(double);

double elements(const DatasetIndex& dataset) {
  return static_cast<double>(dataset.bytes()) / static_cast<double>(dataset.element.size());
}

// The weight that is read: of the first shard that has one.
const DatasetIndex* needed_weight(const std::vector<LayerIndex>& shards, const LayerPlan& plan) {
  const auto found =
      std::ranges::find_if(shards, [](const LayerIndex& shard) { return shard.weight.has_value(); });
  const bool flattened = plan.format.pool == Pool::flatten && plan.format.positions > 1;
  const bool unused =
      !plan.needs.weight || found == shards.end() || (flattened && found->weight->shape.size() > 2);
  return unused ? nullptr : &*found->weight;
}

// As the analysis takes it: [m, d].
struct WeightShape {
  WeightShape(const DatasetIndex& weight, const LayerPlan& plan)
      : cols(static_cast<double>(plan.format.row_length())), rows(std::ceil(elements(weight) / cols)) {}

  // Of all directions, or of the rows' space where there are few rows.
  [[nodiscard]] double singular_vectors() const { return (2 * rows <= cols ? rows : cols) * cols; }

  double cols;
  double rows;
};

// Decoded; 0 without chunks.
std::uint64_t bytes_of_chunk(const DatasetIndex& dataset) {
  return dataset.chunk.empty() ? 0
                               : std::accumulate(dataset.chunk.begin(), dataset.chunk.end(),
                                                 std::uint64_t{dataset.element.size()}, std::multiplies<>());
}

// Into chunks that have to be put together.
bool splits_samples(const DatasetIndex& dataset) {
  return dataset.chunk.size() > 1 &&
         !std::equal(dataset.chunk.begin() + 1, dataset.chunk.end(), dataset.shape.begin() + 1);
}

bool dear_to_read(const DatasetIndex& dataset) { return !dataset.filters.empty() || splits_samples(dataset); }

}  // namespace

std::uint64_t whole_bytes(double bytes) {
  return static_cast<std::uint64_t>(std::min(std::ceil(bytes), 1e19));
}

std::uint64_t reading_memory(const DatasetIndex& dataset) {
  if (dataset.sources) {
    std::uint64_t most = 0;
    for (const DatasetIndex& source : dataset.sources->sources) {
      most = std::max(most, reading_memory(source));
    }
    return most;
  }
  if (dataset.chunk.empty()) {
    return dataset.hdf5_bytes;
  }
  const bool splits = splits_samples(dataset);
  const auto undone = std::ranges::count_if(dataset.filters,
                                            [](const std::string& filter) { return filter != "fletcher32"; });
  double copies = splits ? 1 : 0;
  if (!dataset.filters.empty()) {
    copies +=
        1 + static_cast<double>(std::min<std::ptrdiff_t>(undone, 2)) + (dataset.through_hdf5.empty() ? 0 : 1);
  }
  const double size = static_cast<double>(dataset.element.size());
  return whole_bytes(std::accumulate(
      dataset.chunk.begin(), dataset.chunk.end(), copies * size,
      [](double product, std::uint64_t extent) { return product * static_cast<double>(extent); }));
}

StoredChunks::StoredChunks(const std::vector<LayerIndex>& shards) {
  for (const LayerIndex& shard : shards) {
    add(shard.activations);
  }
}

void StoredChunks::add(const DatasetIndex& dataset) {
  if (dataset.sources) {
    for (const DatasetIndex& source : dataset.sources->sources) {
      add(source);
    }
    return;
  }
  const std::uint64_t rows = dataset.chunk.empty() ? 0 : dataset.chunk[0];
  dear = dear || dear_to_read(dataset);
  row_samples = std::max(row_samples, std::min(rows, dataset.samples()));
  bytes = std::max(bytes, bytes_of_chunk(dataset));
  reading = std::max(reading, reading_memory(dataset));
}

TargetCosts::TargetCosts(std::uint64_t samples, std::size_t targets, std::uint64_t memory) {
  const double all = static_cast<double>(samples) * static_cast<double>(targets) * number_bytes;
  kept = std::min(whole_bytes(all), memory / most_kept_targets);
  // Side by side with other layers, half as many are kept.
  const std::uint64_t share = memory / (2 * most_kept_targets);
  of_band_sample = all <= static_cast<double>(share) ? 0 : targets * sizeof(double);
}

void refuse(const Misfit& misfit, std::uint64_t memory) {
  const std::string budget = fmt::format("the budget is {} (--memory", human_bytes(memory));
  if (misfit.with_weight > misfit.least) {
    const auto shard =
        std::ranges::find_if(misfit.shards, [](const LayerIndex& layer) { return layer.weight.has_value(); });
    throw UsageError(fmt::format(
        "needs {} to {} its weight {} of shape {}; {}; --metrics can leave out those of the weight)",
        human_bytes(whole_bytes(misfit.with_weight)),
        misfit.plan.needs.weight_spectrum ? "decompose" : "read", printable(shard->weight->object),
        shape_text(shard->weight->shape), budget));
  }
  const std::string needed = human_bytes(whole_bytes(misfit.least));
  const DatasetIndex& activations = misfit.shards.front().activations;
  if (static_cast<double>(misfit.reading) > misfit.least / 2) {
    throw UsageError(fmt::format("needs {}, most of it to read {}; {}; h5repack can store them anew)", needed,
                                 activations.storage == Storage::virtual_sources
                                     ? std::string("the sources of its virtual dataset")
                                     : fmt::format("its chunks of shape {}", shape_text(activations.chunk)),
                                 budget));
  }
  const std::size_t d = misfit.plan.format.row_length();
  if (misfit.plan.classes > 0 && misfit.of_classes > misfit.least / 2) {
    throw UsageError(fmt::format("needs {}, most of it for the sums of {} classes of {} features; {}{})",
                                 needed, misfit.plan.classes, d, budget,
                                 misfit.plan.unit_classes ? "; --metrics without nc1_unit takes half" : ""));
  }
  if (static_cast<double>(misfit.of_tiles) > misfit.least / 2) {
    const std::vector<std::uint64_t> sample(activations.shape.begin() + 1, activations.shape.end());
    throw UsageError(
        fmt::format("needs {}, most of it for two tiles of {} samples of shape {} as stored; {})", needed,
                    misfit.tile_samples, shape_text(sample), budget));
  }
  const std::string targets = misfit.targets > d ? fmt::format(", those of {} targets", misfit.targets) : "";
  throw UsageError(fmt::format("needs {} for its {} x {} matrices{} and tiles; {})", needed,
                               misfit.plan.few_rows ? misfit.plan.rows : d, d, targets, budget));
}

double bytes_of_classes(const LayerPlan& plan, const std::vector<LayerIndex>& shards) {
  if (plan.classes == 0) {
    return 0;
  }
  const double d = static_cast<double>(plan.format.row_length());
  const double kinds = plan.unit_classes ? 2 : 1;
  const DatasetIndex* weight = needed_weight(shards, plan);
  const double held =
      weight == nullptr ? 0 : elements(*weight) * static_cast<double>(held_bytes(weight->element));
  // Of a segment at work, and of each level of the tree where that is another one's.
  double tables = 1;
  for (std::uint64_t segments = plan.segments(); segments > 1; segments = (segments + 1) / 2) {
    tables += 1;
  }
  tables += plan.segments() > 1 ? 1 : 0;
  return (kinds * tables * static_cast<double>(plan.classes) * (d + 8)) * number_bytes + held;
}

double bytes_of_class_covariances(const LayerPlan& plan) {
  const double d = static_cast<double>(plan.format.row_length());
  const double classes = static_cast<double>(plan.classes);
  if (plan.classes == 0 || classes > 2 * d) {
    return 0;
  }
  // The weighted means and LAPACK's copy of them, vectors of both sides and workspace; all at once where they
  // are small. Beside them the covariance, whitenings, and what they are made of.
  const double smaller = std::min(classes, d);
  const double rows = plan.few_rows ? static_cast<double>(plan.rows) : d;
  const double vectors = (2 * classes <= d ? classes : d) * d;
  const double decomposition = 2 * classes * d + vectors + smaller * classes + 4 * smaller * smaller;
  const double at_once = classes <= 1024 && d <= 1024 ? (plan.unit_classes ? 3 : 2) : 1;
  return (at_once * decomposition + 4 * rows * d) * number_bytes;
}

namespace {

// Whether the second look may sum products of differences instead of whitening them.
bool may_sum_products(const LayerPlan& plan) {
  const std::size_t d = plan.format.row_length();
  const std::size_t rank = std::min<std::size_t>(plan.classes - 1, d);
  return plan.classes > 1 && scatter_spares(plan.rows, d, rank, d - rank);
}

// Of the products: their sum, what they are whitened with, also by rows, the directions apart.
double bytes_of_products(const LayerPlan& plan) {
  const double d = static_cast<double>(plan.format.row_length()) + 16;  // with its padding
  return ((plan.unit_classes ? 2 : 1) * (2 + 1 / 8.0) + 1) * d * d * number_bytes;
}

}  // namespace

double bytes_of_class_look(const LayerPlan& plan, std::size_t threads) {
  if (plan.classes == 0 || plan.looks < 2) {
    return 0;
  }
  const double d = static_cast<double>(plan.format.row_length());
  const double classes = static_cast<double>(plan.classes) * d;
  // Blocks of 64 rows, as decoded, about the mean, about that of their class and, over their norms, about
  // that of these; 256 as float32; as many class means and rows of W, or all up to a million numbers of each;
  // scores of float64 and of float32; of whitenings a copy of up to 2^18 numbers each, and products with
  // them.
  const double rows = 4 * 64 * d + 256 * d / 2 + 3 * std::min(d * d, 0x1p18) + 64 * d;
  const double of_classes = classes <= 0x1p20 ? classes : std::min(256 * d, classes);  // two of float32
  const double scores = 2 * 64 * 512 + 256 * 256;
  const double of_thread = rows + of_classes + scores;
  if (threads == 0 || !may_sum_products(plan)) {
    return static_cast<double>(threads) * of_thread * number_bytes;
  }
  // Blocks of 128 rows, one of them packed twice, and what they have along directions apart.
  const double blocks = 2 * 64 * d + 2 * 130 * std::max(d + 16, 256.0) + 128 * d / 8;
  return static_cast<double>(threads) * (of_thread + blocks) * number_bytes + bytes_of_products(plan);
}

double held_target_matrices(std::size_t targets) {
  const double n = static_cast<double>(targets);
  return 3 * n * n * number_bytes;  // eigenvectors, root, the model's errors
}

std::size_t target_workers(std::size_t targets, std::uint64_t memory) {
  const double n = static_cast<double>(targets) + 3;
  const double worker = 4 * n * n * number_bytes;  // sums, their copy, two subtrees of others
  return static_cast<std::size_t>(std::clamp(static_cast<double>(memory) / 2 / worker, 1.0, 1e6));
}

std::uint64_t targets_memory(const Checkpoint& checkpoint) {
  const DatasetIndex& first = checkpoint.front().targets;
  const bool labels = is_classification(checkpoint.front());
  const double n = 3 + static_cast<double>(first.shape.size() > 1 && !labels ? first.shape[1] : 1);
  // Sums of the fold, of its subtrees and their copy; or the matrix, its vectors and LAPACK's workspace.
  constexpr double squares = 8;
  double reading = 0;
  for (const CheckpointIndex& part : checkpoint.shards) {
    const std::uint64_t predictions = part.predictions ? reading_memory(*part.predictions) : 0;
    reading = std::max(reading,
                       static_cast<double>(reading_memory(part.targets)) + static_cast<double>(predictions));
  }
  return whole_bytes(squares * n * n * number_bytes + reading);
}

double held_of_weight(const std::vector<LayerIndex>& shards, const LayerPlan& plan, std::size_t targets) {
  const DatasetIndex* weight = needed_weight(shards, plan);
  if (weight == nullptr || !plan.needs.weight_spectrum) {
    return 0;
  }
  const WeightShape shape(*weight, plan);
  const double n = static_cast<double>(targets);
  return (shape.singular_vectors() + (shape.rows == n ? n * n : 0)) * number_bytes;
}

std::uint64_t weight_memory(const std::vector<LayerIndex>& shards, const LayerPlan& plan) {
  const DatasetIndex* weight = needed_weight(shards, plan);
  if (weight == nullptr) {
    return 0;
  }
  constexpr double slab = 16 * 1024 * 1024;
  const WeightShape shape(*weight, plan);
  const double matrix = shape.rows * shape.cols * number_bytes;
  const double smaller = std::min(shape.rows, shape.cols);
  const double stored = static_cast<double>(weight->bytes());
  const double row = stored / static_cast<double>(std::max<std::uint64_t>(weight->samples(), 1));
  // As stored and as arranged, beside that of another shard; then LAPACK's copy, vectors and workspace.
  const double reading = (shards.size() > 1 ? 3 : 2) * matrix + std::min(stored, std::max(slab, row)) +
                         std::min(stored, slab) + static_cast<double>(reading_memory(*weight));
  const double decomposing =
      2 * matrix + shape.singular_vectors() * number_bytes + smaller * smaller * number_bytes;
  return whole_bytes(std::max(reading, plan.needs.weight_spectrum ? decomposing : 0));
}

}  // namespace collapscope
