// The labels of a checkpoint, and what its predictions make of them.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "analysis/measure.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

// -log softmax(logits)[label]
double cross_entropy(std::span<const double> logits, std::size_t label) {
  const double top = *std::ranges::max_element(logits);
  double sum = 0;
  for (const double logit : logits) {
    sum += std::exp(logit - top);
  }
  return top + std::log(sum) - logits[label];
}

}  // namespace

TargetSummary measure_class_targets(const ClassLabels& labels) {
  TargetSummary summary;
  ClassTargets& classes = summary.classes.emplace();
  classes.labels = labels.labels();
  for (const std::uint64_t count : labels.counts()) {
    classes.counts.push_back(static_cast<double>(count));
    summary.samples += count;
  }
  classes.ignored = labels.ignored();
  return summary;
}

void measure_class_model(ClassTargets& classes, const Checkpoint& checkpoint, TargetRows& targets,
                         Backend& backend, std::uint64_t memory) {
  const std::vector<DatasetIndex> shards = predictions_of(checkpoint);
  if (shards.empty()) {
    return;
  }
  if (targets.components() > 1) {
    classes.no_model = "the labels are of positions";
    return;
  }
  // Samples that are left out may have any predictions.
  TargetRows predictions(shards, 0, backend.threads(), target_cache(memory), nullptr, NotFinite::passed);
  if (predictions.samples() != targets.samples()) {
    throw InputError(checkpoint.front().path, "predictions", "found other samples than the labels have");
  }
  const std::size_t columns = predictions.components();
  if (classes.labels.front() < 0 || classes.labels.back() >= static_cast<std::int64_t>(columns)) {
    classes.no_model = "labels name no columns of the predictions";
    return;
  }
  constexpr std::uint64_t block_bytes = std::uint64_t{4} << 20U;
  const std::uint64_t block = std::max<std::uint64_t>(1, block_bytes / 8 / columns);
  TargetRows::Room logits_room;
  TargetRows::Room labels_room;
  std::vector<double> right(classes.labels.size(), 0.0);
  double entropy = 0;
  double samples = 0;
  for (std::uint64_t first = 0; first < targets.samples(); first += block) {
    const std::uint64_t count = std::min(block, targets.samples() - first);
    const MatrixView<const double> logits = predictions.read(first, count, logits_room);
    const MatrixView<const double> numbers = targets.read(first, count, labels_room);
    for (std::size_t i = 0; i < count; ++i) {
      if (numbers(i, 0) == ClassLabels::left_out) {
        continue;
      }
      const auto label = static_cast<std::size_t>(classes.labels[static_cast<std::size_t>(numbers(i, 0))]);
      const std::span<const double> row = logits.row(i);
      if (!std::ranges::all_of(row, [](double logit) { return std::isfinite(logit); })) {
        predictions.refuse(first + i);
      }
      right[static_cast<std::size_t>(numbers(i, 0))] +=
          std::ranges::max_element(row) - row.begin() == static_cast<std::ptrdiff_t>(label) ? 1 : 0;
      entropy += cross_entropy(row, label);
      samples += 1;
    }
  }
  classes.accuracy = std::accumulate(right.begin(), right.end(), 0.0) / samples;
  classes.right = std::move(right);
  classes.cross_entropy = entropy / samples;
}

}  // namespace collapscope
