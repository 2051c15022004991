// Results: tagged values, independent of how they are written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "collapscope/core/fallback.hpp"
#include "collapscope/dump/dump.hpp"
#include "collapscope/results/class_results.hpp"

namespace collapscope {

// Undefined (see the metric's note), a count, a number, or a list of numbers. Numbers are finite.
using Value = std::variant<std::monostate, std::int64_t, double, std::vector<double>>;

struct Metric {
  std::string name;
  Value value;
  std::optional<double> floor = std::nullopt;  // below it the value is rounding, not collapse
  std::string note = {};  // why it is undefined, or what to mind ("ill-conditioned subspace")

  [[nodiscard]] bool defined() const { return !std::holds_alternative<std::monostate>(value); }
  // The value of a count or number; nullopt for undefined ones and lists.
  [[nodiscard]] std::optional<double> number() const;
  // A number at or below its floor.
  [[nodiscard]] bool below_floor() const;
  bool operator==(const Metric&) const = default;
};

// Metrics in the order they are reported.
class MetricSet {
 public:
  void add(Metric metric) { metrics_.push_back(std::move(metric)); }
  [[nodiscard]] const Metric* find(std::string_view name) const;
  // Metric::number() of the metric; nullopt where it is missing, too.
  [[nodiscard]] std::optional<double> number(std::string_view name) const;
  [[nodiscard]] const std::vector<Metric>& all() const { return metrics_; }
  [[nodiscard]] std::vector<Metric>& all() { return metrics_; }
  bool operator==(const MetricSet&) const = default;

 private:
  std::vector<Metric> metrics_;
};

struct LayerResult {
  std::string name;
  std::optional<std::int64_t> index;
  std::string kind;
  MetricSet metrics;
  std::optional<LayerClasses> classes = std::nullopt;  // where they were asked for
  bool operator==(const LayerResult&) const = default;
};

// A layer that was wanted and has no result; Results::failures say why.
struct MissingLayer {
  std::string name;
  std::size_t position = 0;  // how many of the checkpoint's layers that have a result come before it
  bool operator==(const MissingLayer&) const = default;
};

struct CheckpointResult {
  std::string path;
  std::string id;
  std::string run;
  std::optional<double> step;
  std::string task;
  std::uint64_t samples = 0;
  std::vector<std::pair<std::string, AttributeValue>> attributes;
  MetricSet targets;  // target and model metrics
  std::vector<LayerResult> layers;
  std::optional<CheckpointClasses> classes = std::nullopt;  // where they were asked for
  MetricSet depth = {};                                     // how layers' metrics go over their order
  std::vector<MissingLayer> failed_layers = {};             // in their order

  // Whether a layer failed that lies between layers[i - 1] and layers[i], or at either end.
  [[nodiscard]] bool lacks_layer_before(std::size_t i) const;
  // The deepest layer; null where that one failed, or there is none.
  [[nodiscard]] const LayerResult* last_layer() const;
  bool operator==(const CheckpointResult&) const = default;
};

struct Provenance {
  std::string version;
  std::string commit;
  std::string command;  // as the user typed it
  std::string device;
  std::string precision = "float64";
  std::size_t threads = 1;  // of each process
  std::string started;      // ISO 8601, UTC
  double seconds = 0;
  std::uint64_t bytes_read = 0;
  Fallbacks fallbacks = {};        // what was not done by `device`
  std::size_t ranks = 1;           // processes that measured together
  std::size_t threads_wanted = 0;  // where the system gave fewer; else 0
  // What changes numbers: pool, layers, signal-dim ..., as the command line has them.
  std::vector<std::pair<std::string, std::string>> options = {};
};

struct Results {
  Provenance provenance;
  std::vector<CheckpointResult> checkpoints;
  std::vector<Failure> failures;
};

}  // namespace collapscope
