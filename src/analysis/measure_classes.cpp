// The labels of a checkpoint, and what its predictions make of them.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "analysis/label_sums.hpp"
#include "analysis/measure.hpp"
#include "collapscope/core/error.hpp"
#include "linalg/blas.hpp"

namespace collapscope {

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

bool wants_class_model(const AnalysisOptions& options) {
  return options.per_class || options.metrics.wants("model_accuracy") ||
         options.metrics.wants("model_cross_entropy");
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
    classes.no_model = no_columns;
    return;
  }
  constexpr std::size_t rows_of_thread = 64;
  constexpr std::uint64_t block_bytes = std::uint64_t{4} << 20U;
  const std::uint64_t block = std::max<std::uint64_t>(1, block_bytes / 8 / columns);
  TargetRows::Room logits_room;
  TargetRows::Room labels_room;
  LogitSums sums;
  std::vector<JudgedLogits> found;
  for (std::uint64_t first = 0; first < targets.samples(); first += block) {
    const std::uint64_t count = std::min(block, targets.samples() - first);
    const MatrixView<const double> logits = predictions.read(first, count, logits_room);
    const MatrixView<const double> numbers = targets.read(first, count, labels_room);
    const auto is_left_out = [&](std::size_t i) { return numbers(i, 0) == ClassLabels::left_out; };
    found.resize(count);
    linalg::share((count + rows_of_thread - 1) / rows_of_thread, [&](std::size_t number) {
      const std::size_t end = std::min<std::size_t>(count, (number + 1) * rows_of_thread);
      for (std::size_t i = number * rows_of_thread; i < end; ++i) {
        const std::span<const double> row = logits.row(i);
        if (is_left_out(i)) {
          continue;
        }
        if (!std::ranges::all_of(row, [](double logit) { return std::isfinite(logit); })) {
          predictions.refuse(first + i);
        }
        const auto label = classes.labels[static_cast<std::size_t>(numbers(i, 0))];
        found[i] = judged(row, static_cast<std::size_t>(label));
      }
    });
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_left_out(i)) {
        sums.add(found[i], static_cast<std::size_t>(numbers(i, 0)), classes.labels.size());
      }
    }
  }
  classes.right = std::move(sums.right);
  classes.accuracy = std::accumulate(classes.right.begin(), classes.right.end(), 0.0) / sums.samples;
  classes.cross_entropy = sums.entropy / sums.samples;
}

}  // namespace collapscope
