// What several checkpoints say together: runs over steps, where collapse begins, runs beside runs.
// Pure functions of Results; criteria, definitions and formulas are those of docs/runs.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collapscope/results/results.hpp"

namespace collapscope {

// ---- When a layer is collapsed

enum class Comparison : unsigned char { less, less_equal, greater, greater_equal };

struct Criterion {
  std::string metric;  // a number per layer
  Comparison comparison = Comparison::less;
  double threshold = 0;

  bool operator==(const Criterion&) const = default;
};
using Criteria = std::vector<Criterion>;

// deep_nrc1 < 0.05, deep_nrc2 > 0.9, deep_nrc3 > 0.9.
[[nodiscard]] Criteria default_criteria();
// Of classification: nc1 < 0.05, nc2_equiangular < 0.1, nc3_self_duality < 0.45, nc4_disagreement < 0.01.
[[nodiscard]] Criteria default_class_criteria();

// The criteria of each task.
struct TaskCriteria {
  Criteria regression = default_criteria();
  Criteria classification = default_class_criteria();

  TaskCriteria() = default;
  // The same for both tasks.
  TaskCriteria(const Criteria& both) : regression(both), classification(both) {}  // NOLINT: they are meant

  [[nodiscard]] const Criteria& of(const CheckpointResult& checkpoint) const;
};

// Whether a metric is asked of a checkpoint's last layer only: those of the classifier.
[[nodiscard]] bool is_of_last_layer(std::string_view metric);

// "deep_nrc1<0.01, deep_nrc3>=0.95". Throws UsageError: not of this form, an unknown metric, one of the
// targets, one that is a list.
[[nodiscard]] Criteria parse_criteria(std::string_view text);

// "<", "<=", ">", ">="
[[nodiscard]] std::string_view comparison_text(Comparison comparison);

// "deep_nrc1 < 0.05, deep_nrc2 > 0.9"
[[nodiscard]] std::string criteria_text(const Criteria& criteria);

// Those of the task that the results have; of both, where they differ, "of regression ..., of classification
// ...".
[[nodiscard]] std::string criteria_text(const TaskCriteria& criteria, const Results& results);

// The tasks that the results have and whose criteria differ, regression first; else one of them.
[[nodiscard]] std::vector<std::string> tasks_told_apart(const TaskCriteria& criteria, const Results& results);

// Whether the layer meets a criterion; nullopt, unknown, where the metric is missing or undefined, or where
// it is below its floor while 0 and the floor say different things.
[[nodiscard]] std::optional<bool> meets(const LayerResult& layer, const Criterion& criterion);

// false when one criterion is not met, else nullopt when one is unknown or none is asked, else true. is_last:
// of its checkpoint.
[[nodiscard]] std::optional<bool> is_collapsed(const LayerResult& layer, const Criteria& criteria,
                                               bool is_last = true);

// ---- Runs

using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

// How a run ended that ended in nothing: with features that do not vary, or with NaN or Inf. What it has from
// then on is no collapse, and enters no mean.
struct Death {
  std::size_t alive = 0;       // checkpoints of the run before it
  std::optional<double> step;  // at which it is first seen, where that has one
  std::string reason;
};

// Checkpoints with the same attribute `run`, of each `split` those by themselves; without a run, those in one
// file; else one alone.
struct Run {
  std::string name;                      // the attribute, with the split where several have it; else the file
  std::vector<std::size_t> checkpoints;  // positions in Results::checkpoints, by step; without step last
  Attributes attributes;                 // with the same value in all of them, by name; not run and step
  std::string step_unit;                 // may be empty
  std::optional<Death> death = std::nullopt;
};

// In the order of their first checkpoints.
[[nodiscard]] std::vector<Run> group_runs(const Results& results);

// By name, those that have failures only: NaN or Inf in all layers, at every checkpoint. With the split where
// there are others of the name.
[[nodiscard]] std::vector<std::string> runs_never_alive(const Results& results);

// A metric of a layer over the checkpoints of a run; nullopt where missing or undefined.
[[nodiscard]] std::vector<std::optional<double>> layer_series(const Results& results, const Run& run,
                                                              std::string_view layer,
                                                              std::string_view metric);

// ---- Where collapse begins

struct CheckpointCollapse {
  std::vector<std::optional<bool>> layers;  // is_collapsed of each
  std::optional<std::size_t> from;          // the shallowest layer from which every deeper one is collapsed
};

// What the checkpoint before the one since which a layer is collapsed says of it: that it is not collapsed,
// or nothing, since it was not measured there (it, or a metric of the criteria) or is unknown for another
// reason.
enum class BeforeSince : unsigned char { not_collapsed, not_measured, unknown };

// Collapsed at this checkpoint of the run and at every later one that it has.
struct LayerSince {
  std::string layer;
  std::optional<std::size_t> checkpoint;  // position in Run::checkpoints; nullopt: not so at the last
  BeforeSince before = BeforeSince::not_collapsed;  // also where no checkpoint is before it
};

struct RunCollapse {
  std::vector<CheckpointCollapse> checkpoints;  // of the run
  std::vector<LayerSince> layers;               // those of the last checkpoint, in order of depth
};

[[nodiscard]] CheckpointCollapse checkpoint_collapse(const CheckpointResult& checkpoint,
                                                     const Criteria& criteria);
[[nodiscard]] RunCollapse run_collapse(const Results& results, const Run& run, const Criteria& criteria);

// Layers, or metrics, that some checkpoints of a run have and others lack.
struct NotMeasured {
  std::vector<std::string> names;
  bool are_layers = false;
  std::vector<std::size_t> checkpoints;  // positions in Run::checkpoints, of those that lack them
  std::size_t of = 0;                    // checkpoints that could have them: of metrics those of their task
};

// Before the run's death, if it died. A metric counts as measured where any layer or the targets have it,
// also undefined; a layer that failed is not measured. The metrics of the criteria come before others.
[[nodiscard]] std::vector<NotMeasured> not_measured(const Results& results, const Run& run,
                                                    const Criteria& criteria);

// ---- The last layer of a checkpoint

// How many components hold 99 % of the features' variance (feature_dims_99), beside the targets' rank.
struct IntrinsicDimension {
  std::string layer;
  std::int64_t learned = 0;
  std::optional<std::int64_t> targets_rank;
};
[[nodiscard]] std::optional<IntrinsicDimension> intrinsic_dimension(const CheckpointResult& checkpoint);

// Beside what the unconstrained feature model predicts: "gram_error", "nrc3", "c", "rank", "loss",
// "residual_variance" (the ufm_* metrics) and what they stand against, "model_mse", "residual_whiteness".
// nullopt where no ufm_* metric is defined.
struct UfmDistance {
  std::string layer;
  std::vector<std::pair<std::string, std::optional<double>>> values;
};
[[nodiscard]] std::optional<UfmDistance> ufm_distance(const CheckpointResult& checkpoint);

// ---- Runs beside runs

struct Statistic {
  double mean = 0;
  std::optional<double> spread;  // sample standard deviation (n - 1); nullopt for one value
  std::size_t count = 0;
};

// Of values that are all finite; of none the count is 0.
[[nodiscard]] Statistic statistic_of(const std::vector<double>& values);

struct MetricStatistic {
  std::string metric;
  Statistic statistic;
};

struct LayerStatistics {
  std::string layer;
  std::size_t position = 0;  // depth, counted from 0; the deepest that it has in a run
  std::vector<MetricStatistic> metrics;
};

// Runs that have the attributes of RunComparison::by in common.
struct RunGroup {
  std::vector<std::optional<AttributeValue>> values;  // of those attributes; nullopt: the runs lack it
  std::vector<std::size_t> runs;                      // positions
  std::vector<std::size_t> dead;                      // those of them that died: not in the statistics
  std::vector<LayerStatistics> last;                  // of the last checkpoints of the others
  std::vector<MetricStatistic> deepest;               // of the last layer of each of them, whatever its name
  std::vector<std::string> deepest_layers;            // those names
  std::vector<MetricStatistic> targets;
};

struct RunComparison {
  std::vector<std::string> by;
  std::vector<RunGroup> groups;  // by value
};

// Groups runs by the attributes in which they differ, but for `seed` and `*_seed`; or by those of `by`, and
// by `split` where they differ in it. Throws UsageError for an attribute in `by` that no run has.
[[nodiscard]] RunComparison compare_runs(const Results& results, const std::vector<Run>& runs,
                                         const std::optional<std::vector<std::string>>& by = std::nullopt);

}  // namespace collapscope
