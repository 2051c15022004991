// Of an accumulator the targets, or labels, and what the model's predictions make of them.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/batches.hpp"
#include "analysis/label_sums.hpp"
#include "analysis/measure.hpp"
#include "analysis/part_fields.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope {

// Names the place of numbers that are not finite.
template <class Work>
void with_place(const std::string& object, const Work& work) {
  try {
    work();
  } catch (const NonFiniteSample& offending) {
    throw InputError(
        "", object,
        fmt::format("found NaN or Inf, first in row {}; expected finite numbers", offending.sample));
  }
}

// Copies of what trees of segments hold.
template <class Value>
[[nodiscard]] std::vector<std::pair<Subtree, Value>> subtrees_of(SegmentTree<Value>& tree) {
  return tree.read([](const auto& subtrees) {
    return std::vector<std::pair<Subtree, Value>>(subtrees.begin(), subtrees.end());
  });
}

class TargetSums {
 public:
  // targets: n of regression; classes: K of classification, whose labels are 0 to K - 1 or, where samples may
  // be ignored, ClassLabels::left_out.
  TargetSums(Backend& backend, std::size_t targets, std::uint64_t classes, bool may_ignore);

  [[nodiscard]] std::size_t targets() const { return targets_; }
  [[nodiscard]] std::uint64_t classes() const { return labels_.counts.size(); }
  [[nodiscard]] bool are_labels() const { return classes() > 0; }
  // Numbers of a row.
  [[nodiscard]] std::size_t columns() const { return are_labels() ? 1 : targets_; }
  // That have come, and those of them that are not left out.
  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] std::uint64_t kept() const { return are_labels() ? labels_.kept() : rows_; }
  [[nodiscard]] std::vector<std::int64_t> labels() const { return labels_.labels(); }

  // Throws UsageError or InputError for what does not fit, before any of it is in the sums.
  void check(MatrixView<const double> targets, MatrixView<const double> predictions) const;
  void check_labels(MatrixView<const double> labels) const;
  void add(MatrixView<const double> targets, MatrixView<const double> predictions);
  // Rows of a second look as its fold takes them, classes by their numbers.
  [[nodiscard]] Matrix numbered(MatrixView<const double> labels) const;
  void require_same_predictions(const TargetSums& other) const;
  void merge(TargetSums& other);
  void reset();
  void end_segment();

  // Measured. `checkpoint` is what they are of.
  [[nodiscard]] PartTargets measured(const Checkpoint& checkpoint);
  // What `measured` gave, to go on.
  void read(PartTargets targets);

 private:
  [[nodiscard]] bool has_model() const { return model_ || labels_.model; }
  void fold(MatrixView<const double> targets);

  Backend& backend_;
  std::size_t targets_;
  bool may_ignore_;
  std::uint64_t rows_ = 0;
  std::unique_ptr<Batches<MomentFold, Moments>> fold_;  // of regression
  std::optional<ModelSums> model_;
  LabelSums labels_;  // of classification
};

}  // namespace collapscope
