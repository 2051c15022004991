#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "analysis/measure.hpp"
#include "collapscope/error.hpp"
#include "core/vector_math.hpp"

namespace collapscope {

namespace {

constexpr std::uint64_t block_bytes = std::uint64_t{4} << 20U;

// The targets as float64 rows of a fold whose own targets are a constant.
Moments fold_targets(TargetRows& targets, std::uint64_t block, Backend& backend) {
  FoldSpec spec;
  spec.format.channels = targets.components();
  spec.targets = 1;
  spec.rows = targets.samples();
  const auto fold = backend.make_fold(spec);
  const Matrix none(block, 1);
  for (std::uint64_t first = 0; first < targets.samples(); first += block) {
    const std::uint64_t count = std::min(block, targets.samples() - first);
    const Matrix rows = targets.read(first, count);
    fold->add({std::as_bytes(rows.values()), 0, count, first}, none.view().middle_rows(0, count));
    fold->settle();  // `rows` goes
  }
  return fold->finish();
}

ModelErrors model_errors(TargetRows& targets, TargetRows& predictions, std::uint64_t block) {
  const std::size_t n = targets.components();
  ModelErrors errors;
  errors.error_moment = Matrix(n, n);
  double squares = 0;
  double absolutes = 0;
  for (std::uint64_t first = 0; first < targets.samples(); first += block) {
    const std::uint64_t count = std::min(block, targets.samples() - first);
    Matrix error = predictions.read(first, count);
    const Matrix expected = targets.read(first, count);
    for (std::size_t i = 0; i < error.values().size(); ++i) {
      error.values()[i] -= expected.values()[i];
      squares += error.values()[i] * error.values()[i];
      absolutes += std::abs(error.values()[i]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = error.view().row(i);
      add_outer(errors.error_moment, 1.0, {row.begin(), row.end()}, {row.begin(), row.end()});
    }
  }
  const double samples = static_cast<double>(targets.samples());
  errors.mse = squares / (samples * static_cast<double>(n));
  errors.mae = absolutes / (samples * static_cast<double>(n));
  for (double& value : errors.error_moment.values()) {
    value /= samples;
  }
  return errors;
}

std::vector<DatasetIndex> predictions_of(const Checkpoint& checkpoint) {
  std::vector<DatasetIndex> shards;
  for (const CheckpointIndex& part : checkpoint.shards) {
    if (part.predictions) {
      shards.push_back(*part.predictions);
    }
  }
  if (!shards.empty() && shards.size() != checkpoint.shards.size()) {
    throw InputError(checkpoint.front().path, "predictions",
                     "found in some shards only; expected in all or none");
  }
  return shards;
}

}  // namespace

TargetSummary measure_targets(const Checkpoint& checkpoint, TargetRows& targets, Backend& backend) {
  const std::uint64_t tile = backend.tile_rows(targets.components());
  Moments moments = fold_targets(targets, tile, backend);
  const double samples = static_cast<double>(moments.count);
  const double n = static_cast<double>(targets.components());
  for (double& value : moments.feature_scatter.values()) {
    value /= samples;
  }
  TargetSummary summary;
  summary.samples = moments.count;
  summary.mean_square = trace(moments.feature_scatter) + dot(moments.feature_mean, moments.feature_mean);
  summary.spectrum = backend.eigenbasis(moments.feature_scatter, targets.components());
  const double least = n * std::numeric_limits<double>::epsilon() * summary.spectrum.values.front();
  for (double& value : summary.spectrum.values) {
    value = value <= least ? 0 : value;
  }
  summary.root = symmetric_root(summary.spectrum);
  const CheckpointIndex& first = checkpoint.front();
  summary.unit_roundoff = first.targets.element.unit_roundoff();
  if (const auto shards = predictions_of(checkpoint); !shards.empty()) {
    TargetRows predictions(shards, 0, backend.threads());
    if (predictions.components() != targets.components() || predictions.samples() != targets.samples()) {
      throw InputError(first.path, "predictions", "found another shape than that of the targets");
    }
    const std::uint64_t block = std::max<std::uint64_t>(1, block_bytes / 8 / targets.components());
    summary.model = model_errors(targets, predictions, block);
  }
  const auto lambda_w = first.number("lambda_w");
  const auto lambda_h = first.number("lambda_h");
  if (lambda_w && lambda_h && *lambda_w >= 0 && *lambda_h >= 0) {
    summary.ufm = UfmStrengths{*lambda_w, *lambda_h};
  }
  return summary;
}

}  // namespace collapscope
