#include "analysis/target_sums.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/in_memory.hpp"

namespace collapscope {

TargetSums::TargetSums(Backend& backend, std::size_t targets, std::uint64_t classes, bool may_ignore)
    : backend_(backend), targets_(targets), may_ignore_(may_ignore) {
  labels_.counts.resize(classes);
  reset();
}

void TargetSums::reset() {
  rows_ = 0;
  model_.reset();
  labels_ = {std::vector<double>(labels_.counts.size(), 0.0), 0, std::nullopt};
  if (!are_labels()) {
    FoldSpec spec;
    spec.format = format_in_memory(targets_, {});
    spec.targets = 1;
    fold_ = std::make_unique<Batches<MomentFold, Moments>>(backend_, targets_, targets_ * sizeof(double), 1);
    spec.rows = fold_->segment_rows();
    spec.tiles = fold_->tiles();
    fold_->use(backend_.make_fold(spec));
  }
}

void TargetSums::check_labels(MatrixView<const double> labels) const {
  for (std::size_t i = 0; i < labels.rows(); ++i) {
    const double label = labels(i, 0);
    const bool is_class = label >= 0 && label < static_cast<double>(classes()) && label == std::floor(label);
    if (!is_class && !(may_ignore_ && label == ClassLabels::left_out)) {
      throw UsageError(fmt::format("found the label {} in row {}; expected whole numbers from 0 to {}", label,
                                   rows_ + i, classes() - 1));
    }
  }
}

void TargetSums::check(MatrixView<const double> targets, MatrixView<const double> predictions) const {
  if (are_labels()) {
    check_labels(targets);
  }
  const bool comes = predictions.rows() > 0;
  if (comes && are_labels() && labels_.model && labels_.model->columns != predictions.cols()) {
    throw UsageError(fmt::format("found logits of {} columns; expected {}, as before", predictions.cols(),
                                 labels_.model->columns));
  }
  if (comes &&
      (predictions.rows() != targets.rows() || (!are_labels() && predictions.cols() != targets.cols()))) {
    throw UsageError(fmt::format("found predictions of shape [{}, {}]; expected [{}, {}]", predictions.rows(),
                                 predictions.cols(), targets.rows(),
                                 are_labels() ? "columns" : std::to_string(targets.cols())));
  }
  if (rows_ > 0 && targets.rows() > 0 && comes != has_model()) {
    throw UsageError("predictions must come with all batches or with none");
  }
  for (std::size_t i = 0; i < predictions.rows(); ++i) {
    if (!std::ranges::all_of(predictions.row(i), [](double value) { return std::isfinite(value); })) {
      throw InputError("", "predictions",
                       fmt::format("found NaN or Inf, first in row {}; expected finite numbers", rows_ + i));
    }
  }
}

void TargetSums::add(MatrixView<const double> targets, MatrixView<const double> predictions) {
  if (are_labels()) {
    labels_.add(targets, predictions);
  } else {
    fold(targets);
    if (predictions.rows() > 0) {
      if (!model_) {
        model_.emplace();
      }
      model_->add(predictions, targets);
    }
  }
  rows_ += targets.rows();
}

void TargetSums::fold(MatrixView<const double> targets) {
  Matrix together;
  MatrixView<const double> rows = targets;
  if (targets.stride() != targets.cols()) {
    together = Matrix(targets.rows(), targets.cols());
    for (std::size_t i = 0; i < targets.rows(); ++i) {
      const auto from = targets.row(i);
      std::copy(from.begin(), from.end(), together.view().row(i).begin());
    }
    rows = together.view();
  }
  const Matrix none(targets.rows(), 1);
  with_place("targets", [&] {
    fold_->add(std::as_bytes(std::span(rows.data(), rows.rows() * rows.cols())), none.view());
  });
}

Matrix TargetSums::numbered(MatrixView<const double> labels) const {
  const std::vector<std::int64_t> known = labels_.labels();
  Matrix numbers(labels.rows(), 1);
  for (std::size_t i = 0; i < labels.rows(); ++i) {
    numbers(i, 0) = ClassLabels::left_out;
    if (labels(i, 0) != ClassLabels::left_out) {
      const auto label = static_cast<std::int64_t>(labels(i, 0));
      const auto place = std::ranges::lower_bound(known, label);
      if (place == known.end() || *place != label) {
        throw UsageError(fmt::format(
            "found the label {}, which did not occur before; expected the rows of the first look", label));
      }
      numbers(i, 0) = static_cast<double>(place - known.begin());
    }
  }
  return numbers;
}

void TargetSums::require_same_predictions(const TargetSums& other) const {
  if (rows_ > 0 && other.rows_ > 0 && has_model() != other.has_model()) {
    throw UsageError("predictions must come with all batches or with none");
  }
  if (labels_.model && other.labels_.model && labels_.model->columns != other.labels_.model->columns) {
    throw UsageError(fmt::format("found logits of {} and of {} columns; expected as many",
                                 labels_.model->columns, other.labels_.model->columns));
  }
}

void TargetSums::merge(TargetSums& other) {
  if (are_labels()) {
    labels_.add(other.labels_);
  } else {
    for (auto& [place, moments] : subtrees_of(other.fold_->tree())) {
      fold_->put(moments, moments.count);
    }
  }
  if (other.model_ && model_) {
    model_->samples += other.model_->samples;
    model_->squares += other.model_->squares;
    model_->absolutes += other.model_->absolutes;
    for (std::size_t i = 0; i < model_->error_moment.values().size(); ++i) {
      model_->error_moment.values()[i] += other.model_->error_moment.values()[i];
    }
  } else if (other.model_) {
    model_ = other.model_;
  }
  rows_ += other.rows_;
}

void TargetSums::end_segment() {
  if (fold_ != nullptr) {
    with_place("targets", [&] { fold_->end_segment(); });
  }
}

PartTargets TargetSums::measured(const Checkpoint& checkpoint) {
  PartTargets targets;
  if (are_labels()) {
    targets.summary = labels_.summary();
    targets.labels = labels_;
    return targets;
  }
  SegmentTree<Moments> copy;
  for (auto& [place, moments] : subtrees_of(fold_->tree())) {
    copy.put(place, std::move(moments));
  }
  targets.moments = copy.finish();
  targets.model = model_;
  targets.summary = summarize_targets(*targets.moments, checkpoint, backend_);
  if (model_) {
    targets.summary.model = model_->errors();
  }
  return targets;
}

void TargetSums::read(PartTargets targets) {
  if (are_labels()) {
    labels_ = *std::move(targets.labels);
    rows_ = labels_.kept() + labels_.ignored;
    return;
  }
  rows_ = targets.moments->count;
  fold_->put(*std::move(targets.moments), rows_);
  model_ = std::move(targets.model);
}

}  // namespace collapscope
