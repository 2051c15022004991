// The metrics: pure functions of summaries. Names, formulas, ranges and sources are those of docs/metrics.md.
//
// [A] Andriopoulos, Dong, Guo, Zhao, Ross: The Prevalence of Neural Collapse in Neural Multivariate
//     Regression, NeurIPS 2024, arXiv 2409.04180.
// [R] Rangamani, Unal: Deep Neural Regression Collapse, CPAL 2026, arXiv 2603.23805.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collapscope/metrics/summaries.hpp"
#include "collapscope/results/results.hpp"

namespace collapscope {

class MetricChoice;

// Of the targets and the model. Never throws; undefined values carry their reason.
[[nodiscard]] MetricSet target_metrics(const TargetSummary& targets);

// Of a layer. top: how many explained-variance ratios.
[[nodiscard]] MetricSet layer_metrics(const LayerSummary& layer, const TargetSummary& targets,
                                      std::size_t top);

// Of classification: of each class by itself. Goes through all pairs of classes, in blocks.
[[nodiscard]] LayerClasses layer_classes(const LayerSummary& layer, const ClassTargets& targets,
                                         bool keeps_cosines = true);
// names: row = label; empty: none.
[[nodiscard]] CheckpointClasses checkpoint_classes(const ClassTargets& targets,
                                                   const std::vector<std::string>& names);
// Over the layers of a checkpoint, in their order from input to output; null: one that has no metrics. Slope
// and Pearson correlation of log10 of a metric against the layer's place, where it is above its floor (He and
// Su 2023).
[[nodiscard]] MetricSet depth_metrics(std::span<const MetricSet* const> layers, bool classification);

// Of a layer without residuals: whether what the wanted metrics take from them, the moments have to more
// digits than anybody asks for, because little cancels.
[[nodiscard]] bool moments_suffice(const LayerSummary& layer, const TargetSummary& targets,
                                   const MetricChoice& metrics);

// The same of the share of the variance outside the signal subspace, in both tasks.
[[nodiscard]] bool signal_moments_suffice(const LayerSummary& layer, const MetricChoice& metrics);

// Of a layer of classification: whether the moments have the digits of what a second look would sum within
// classes.
[[nodiscard]] bool class_moments_suffice(const LayerSummary& layer);
// Likewise of the variance within one class, and within every class.
[[nodiscard]] bool class_variance_suffices(const LayerSummary& layer, std::size_t c);
[[nodiscard]] bool class_variances_suffice(const LayerSummary& layer);

// Makes the metrics undefined that a second look at the rows would have given, for this reason.
void forget_second_look(MetricSet& metrics, const LayerSummary& layer, const std::string& reason);

// NRC3 [A, section 3.1]: |G/|G| - (S - sqrt(gamma) I)/|S - sqrt(gamma) I||_F^2, in [0, 4]; G = W W^T and
// S = S_YY^(1/2), both [n, n]. nullopt where a norm vanishes. Throws UsageError: gamma < 0.
[[nodiscard]] std::optional<double> nrc3(const Matrix& gram, const Matrix& root, double gamma);

// The smallest NRC3 over gamma in [0, lambda_min], in closed form, and its gamma.
struct Nrc3Minimum {
  double value = 0;
  double gamma = 0;
};
[[nodiscard]] std::optional<Nrc3Minimum> nrc3_minimum(const Matrix& gram, const Matrix& root,
                                                      double lambda_min);

// What `--metrics` can name.
enum class MetricScope : unsigned char { targets, layer, run, depth };

// Where collapse, or a better fit, takes a metric.
enum class MetricTrend : unsigned char { none, low, high };

// The values a metric can have.
struct MetricRange {
  std::optional<double> minimum = std::nullopt;
  std::optional<double> maximum = std::nullopt;
};

struct MetricInfo {
  std::string_view name;
  MetricScope scope;
  std::string_view summary;  // one line
  MetricRange range = {};
  MetricTrend trend = MetricTrend::none;
  bool logarithmic = false;  // spans orders of magnitude: shown on a logarithmic axis
  bool list = false;         // its value is a list
};

// All metrics, in the order they are reported.
[[nodiscard]] std::span<const MetricInfo> metric_catalogue();

// The metric of this name; null when there is none.
[[nodiscard]] const MetricInfo* find_metric_info(std::string_view name);

// A choice of metrics by names and globs ("nrc*", "deep_nrc1"); empty chooses all.
class MetricChoice {
 public:
  MetricChoice() = default;
  // Comma-separated names and globs. Throws UsageError for one that matches nothing, and where there are
  // commas only.
  explicit MetricChoice(std::string_view list);
  // Whether it is asked for, or what is asked for is made of it.
  [[nodiscard]] bool wants(std::string_view name) const;
  [[nodiscard]] bool shows(std::string_view name) const;
  // Nothing in particular was asked for.
  [[nodiscard]] bool all() const { return patterns_.empty(); }
  // Whether the list has this very name, not only a glob that it matches.
  [[nodiscard]] bool names(std::string_view name) const;
  // The list.
  [[nodiscard]] std::string text() const;
  // Keeps what is wanted.
  void filter(MetricSet& metrics) const;

 private:
  std::vector<std::string> patterns_;
};

}  // namespace collapscope
