#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/measure.hpp"
#include "analysis/plan_memory.hpp"
#include "analysis/stored_roundoff.hpp"
#include "backend/segments.hpp"
#include "collapscope/core/error.hpp"
#include "core/vector_math.hpp"

namespace collapscope {

namespace {

constexpr std::uint64_t target_block_bytes = std::uint64_t{4} << 20U;

// The targets as float64 rows of a fold whose own targets are a constant.
Moments fold_targets(TargetRows& targets, Backend& backend, std::uint64_t memory) {
  const std::size_t n = targets.components();
  FoldSpec spec;
  spec.format.channels = n;
  spec.targets = 1;
  const std::uint64_t tile = backend.tile_rows(n);
  const Matrix none(tile, 1);
  const auto add = [&](Fold& fold, std::uint64_t begin, std::uint64_t end) {
    TargetRows::Room room;
    for (std::uint64_t first = begin; first < end; first += tile) {
      const std::uint64_t count = std::min(tile, end - first);
      const MatrixView<const double> rows = targets.read(first, count, room);
      fold.add({std::as_bytes(std::span(rows.data(), count * n)), 0, count, first},
               none.view().middle_rows(0, count));
      fold.settle();  // `room` is used again
    }
  };
  return fold_rows(backend, spec, targets.samples(), add, target_workers(n, memory));
}

ModelErrors model_errors(TargetRows& targets, TargetRows& predictions, std::uint64_t block) {
  ModelSums sums;
  TargetRows::Room found_room;
  TargetRows::Room expected_room;
  for (std::uint64_t first = 0; first < targets.samples(); first += block) {
    const std::uint64_t count = std::min(block, targets.samples() - first);
    const MatrixView<const double> found = predictions.read(first, count, found_room);
    sums.add(found, targets.read(first, count, expected_room));
  }
  return sums.errors();
}

// What is missing of lambda_w and lambda_h; empty: nothing.
std::string why_no_strengths(const CheckpointIndex& checkpoint) {
  std::string missing;
  std::string unfit;
  for (const std::string name : {"lambda_w", "lambda_h"}) {
    const auto value = checkpoint.number(name);
    const bool is_there = std::ranges::any_of(checkpoint.attributes,
                                              [&](const auto& attribute) { return attribute.first == name; });
    if (!is_there) {
      missing += (missing.empty() ? "no " : ", ") + name;
    } else if (!value) {
      unfit += (unfit.empty() ? "" : ", ") + name + " is no number";
    } else if (!(*value >= 0)) {
      unfit += fmt::format("{}{} = {} is below 0", unfit.empty() ? "" : ", ", name, *value);
    }
  }
  if (missing.empty() && unfit.empty()) {
    return "";
  }
  const std::string both = missing.empty() || unfit.empty() ? "" : ", ";
  return missing + both + unfit + "; expected both as attributes of the checkpoint, numbers from 0 on";
}

}  // namespace

std::vector<DatasetIndex> predictions_of(const Checkpoint& checkpoint) {
  std::vector<DatasetIndex> shards;
  for (const CheckpointIndex& part : checkpoint.shards) {
    if (part.predictions) {
      shards.push_back(*part.predictions);
    }
  }
  if (!shards.empty() && shards.size() != checkpoint.shards.size()) {
    const auto without = std::ranges::find_if(checkpoint.shards,
                                              [](const CheckpointIndex& part) { return !part.predictions; });
    throw InputError(
        without->path, "predictions",
        without->refused_predictions.empty()
            ? "found in some shards only, and not in this one; expected in all or none"
            : "refused in this shard, while others have them (" + without->refused_predictions + ")");
  }
  return shards;
}

void ModelSums::add(MatrixView<const double> found, MatrixView<const double> expected) {
  const std::size_t n = expected.cols();
  if (error_moment.empty()) {
    error_moment = Matrix(n, n);
  }
  Vector error(n);
  for (std::size_t i = 0; i < expected.rows(); ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      error[j] = found(i, j) - expected(i, j);
      squares += error[j] * error[j];
      absolutes += std::abs(error[j]);
    }
    add_outer(error_moment, 1.0, error, error);
  }
  samples += expected.rows();
}

ModelErrors ModelSums::errors() const {
  const double rows = static_cast<double>(samples);
  const double numbers = rows * static_cast<double>(error_moment.rows());
  ModelErrors errors{squares / numbers, absolutes / numbers, error_moment};
  for (double& value : errors.error_moment.values()) {
    value /= rows;
  }
  return errors;
}

TargetSummary summarize_targets(Moments moments, const Checkpoint& checkpoint, Backend& backend) {
  const std::size_t components = moments.features();
  const double samples = static_cast<double>(moments.count);
  const double n = static_cast<double>(components);
  for (double& value : moments.feature_scatter.products.values()) {
    value /= samples;
  }
  TargetSummary summary;
  summary.samples = moments.count;
  summary.mean_square = trace(moments.feature_scatter) + dot(moments.feature_mean, moments.feature_mean);
  summary.spectrum = backend.eigenbasis(moments.feature_scatter.products, components);
  const double least = n * std::numeric_limits<double>::epsilon() * summary.spectrum.values.front();
  for (double& value : summary.spectrum.values) {
    value = value <= least ? 0 : value;
  }
  summary.root = symmetric_root(summary.spectrum);
  const CheckpointIndex& first = checkpoint.front();
  std::vector<const DatasetIndex*> stored;
  for (const CheckpointIndex& part : checkpoint.shards) {
    stored.push_back(&part.targets);
  }
  summary.unit_roundoff = stored_roundoff(stored, components, summary.mean_square);
  summary.no_ufm = why_no_strengths(first);
  if (summary.no_ufm.empty()) {
    summary.ufm = UfmStrengths{*first.number("lambda_w"), *first.number("lambda_h")};
  }
  return summary;
}

std::uint64_t target_cache(std::uint64_t memory) {
  constexpr std::uint64_t most = std::uint64_t{1} << 28U;
  return std::min(most, memory / (2 * most_kept_targets));
}

TargetSummary measure_targets(const Checkpoint& checkpoint, TargetRows& targets, Backend& backend,
                              std::uint64_t memory) {
  return summarize_targets(fold_targets(targets, backend, memory), checkpoint, backend);
}

std::optional<ModelErrors> measure_model(const Checkpoint& checkpoint, TargetRows& targets, Backend& backend,
                                         std::uint64_t memory) {
  const auto shards = predictions_of(checkpoint);
  if (shards.empty()) {
    return std::nullopt;
  }
  TargetRows predictions(shards, 0, backend.threads(), target_cache(memory));
  if (predictions.components() != targets.components() || predictions.samples() != targets.samples()) {
    throw InputError(checkpoint.front().path, "predictions", "found another shape than that of the targets");
  }
  const std::uint64_t block = std::max<std::uint64_t>(1, target_block_bytes / 8 / targets.components());
  return model_errors(targets, predictions, block);
}

}  // namespace collapscope
