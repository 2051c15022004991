// The labels of rows that come one after the other, and what logits make of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "collapscope/core/moments.hpp"
#include "collapscope/metrics/summaries.hpp"

namespace collapscope {

// Why logits say nothing of labels.
inline constexpr const char* no_columns = "labels name no columns of the predictions";

// What the logits of one sample make of its label.
struct JudgedLogits {
  bool right = false;  // the largest is the label's
  double entropy = 0;  // -log softmax(logits)[label]
};
// The label is one of the columns.
[[nodiscard]] JudgedLogits judged(std::span<const double> logits, std::size_t label);

// What logits make of labels.
struct LogitSums {
  std::uint64_t columns = 0;  // of the logits
  double samples = 0;
  double entropy = 0;         // sum of -log softmax(logits)[label]
  std::vector<double> right;  // of each class, samples whose largest logit is its label's

  // number: of the label's class, of so many.
  void add(const JudgedLogits& sample, std::size_t number, std::size_t classes);
};

// Labels 0 to K - 1, of which some may never come. A class's number in results is its place among those that
// do.
struct LabelSums {
  std::vector<double> counts;  // rows of each label [K]
  std::uint64_t ignored = 0;   // rows that are left out
  std::optional<LogitSums> model;

  // labels [rows, 1], or ClassLabels::left_out; logits [rows, columns], or empty.
  void add(MatrixView<const double> labels, MatrixView<const double> logits);
  // Those of other rows, of as many labels.
  void add(const LabelSums& other);

  [[nodiscard]] std::uint64_t kept() const;
  [[nodiscard]] std::vector<std::int64_t> labels() const;  // that have come
  [[nodiscard]] TargetSummary summary() const;
};

// Class sums whose numbers are labels, renumbered as classes, and back. labels: ascending, all that have
// come.
void number_classes(ClassSums& classes, std::span<const std::int64_t> labels);
void name_classes(ClassSums& classes, std::span<const std::int64_t> labels);

}  // namespace collapscope
