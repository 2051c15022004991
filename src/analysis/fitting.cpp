// What does not fit together in an analysis, as the index alone tells: no rows are read.
#include "analysis/fitting.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/measure.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

std::vector<DatasetIndex> targets_of(const Checkpoint& checkpoint) {
  std::vector<DatasetIndex> shards;
  for (const CheckpointIndex& part : checkpoint.shards) {
    shards.push_back(part.targets);
  }
  return shards;
}

std::uint64_t samples_of(const std::vector<DatasetIndex>& shards) {
  std::uint64_t samples = 0;
  for (const DatasetIndex& shard : shards) {
    samples += shard.samples();
  }
  return samples;
}

}  // namespace

void require_sane(const AnalysisOptions& options) {
  if (options.signal_dim == 0) {
    throw UsageError("found a signal subspace of 0 dimensions; expected a positive number");
  }
}

void require_alike(const std::vector<DatasetIndex>& shards) {
  const DatasetIndex& first = shards.front();
  for (const DatasetIndex& shard : shards) {
    if (columns_of(shard) != columns_of(first) || shard.element != first.element) {
      throw InputError(shard.file, shard.object,
                       "found other components or another type than in the first shard");
    }
  }
}

void require_positions(const DatasetIndex& activations, const RowFormat& format, std::size_t positions) {
  if (format.rows_per_sample() != positions) {
    throw InputError(activations.file, activations.object,
                     fmt::format("found {} rows of a sample; expected {}, as many as its labels",
                                 format.rows_per_sample(), positions));
  }
  if (!format.rows_are_stored()) {
    throw InputError(
        activations.file, activations.object,
        fmt::format("found a layout whose channels come before its positions; expected [N, {}, d] for "
                    "labels of positions: store them with channels last, as layout \"NTD\" or \"NHWC\"",
                    positions));
  }
}

void require_targets_agree(const Checkpoint& checkpoint) {
  require_one_task(checkpoint);
  require_alike(targets_of(checkpoint));
}

std::string task_remark(const CheckpointIndex& checkpoint) {
  const DatasetIndex& targets = checkpoint.targets;
  const bool may_be_labels =
      !checkpoint.task_is_said && targets.element.is_integer() && targets.shape.size() == 1;
  return may_be_labels
             ? "integers of shape [N] are measured as targets of a regression; the attribute task = "
               "\"classification\" of the dump, or --task classification, makes them class labels"
             : "";
}

void require_predictions_fit(const Checkpoint& checkpoint, const AnalysisOptions& options) {
  const bool classification = is_classification(checkpoint.front());
  if (!checkpoint.front().refused_predictions.empty() || (classification && !wants_class_model(options))) {
    return;
  }
  const std::vector<DatasetIndex> predictions = predictions_of(checkpoint);
  if (predictions.empty()) {
    return;
  }
  require_alike(predictions);
  const std::vector<DatasetIndex> targets = targets_of(checkpoint);
  if (samples_of(predictions) != samples_of(targets) ||
      (!classification && columns_of(predictions.front()) != columns_of(targets.front()))) {
    throw InputError(checkpoint.front().path, "predictions", "found another shape than that of the targets");
  }
}

void require_layer_fits(const std::vector<LayerIndex>& shards, const LayerPlan& plan, std::size_t positions) {
  if (plan.classes > 0 && positions > 1) {
    require_positions(shards.front().activations, plan.format, positions);
  }
  if (!plan.needs.weight) {
    return;
  }
  std::size_t weights = 0;
  for (const LayerIndex& shard : shards) {
    if (shard.weight) {
      require_weight_fits(shard, plan.format);
      ++weights;
    }
  }
  if (weights > 1) {
    (void)read_weight(shards, plan);
  }
}

}  // namespace collapscope
