// Runs in groups that share what differs, with mean and spread of their last checkpoints.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <unordered_map>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/runs/runs.hpp"
#include "runs/attribute_key.hpp"

namespace collapscope {
namespace {

using MaybeValue = std::optional<AttributeValue>;

AttributeKey key_of(const MaybeValue& value) { return value ? attribute_key(*value) : AttributeKey{}; }

bool is_seed(std::string_view name) { return name == "seed" || name.ends_with("_seed"); }

std::set<std::string> attribute_names(const std::vector<Run>& runs) {
  std::set<std::string> names;
  for (const Run& run : runs) {
    for (const auto& [name, value] : run.attributes) names.insert(name);
  }
  return names;
}

// Attributes of runs of others may be any number; a comparison by more shows nothing.
constexpr std::size_t most_differing = 1000;

std::vector<std::string> differing(const std::vector<Run>& runs) {
  struct Seen {
    AttributeKey first;
    std::size_t runs = 0;
    bool differs = false;
  };
  std::map<std::string_view, Seen> all;
  for (const Run& run : runs) {
    for (const auto& [name, value] : run.attributes) {
      const AttributeKey key = attribute_key(value);
      Seen& seen = all.try_emplace(name, Seen{key}).first->second;
      seen.differs = seen.differs || key != seen.first;
      ++seen.runs;
    }
  }
  std::vector<std::string> by;
  for (const auto& [name, seen] : all) {
    const bool is_of_run = !is_seed(name) && name != "shards" && name != "shards_joined";
    if ((seen.differs || seen.runs != runs.size()) && is_of_run && by.size() < most_differing) {
      by.emplace_back(name);
    }
  }
  return by;
}

// The attributes asked for, and `split` where runs differ in it: a mean of training and test samples is of no
// network.
std::vector<std::string> asked_for(std::vector<std::string> by, const std::vector<Run>& runs) {
  const std::vector<std::string> all = differing(runs);
  if (std::ranges::count(all, "split") > std::ranges::count(by, "split")) by.emplace_back("split");
  return by;
}

// Where the attributes of a run are, by name.
class AttributesOf {
 public:
  explicit AttributesOf(const Run& run) {
    for (const auto& [name, value] : run.attributes) values_.try_emplace(name, &value);
  }
  [[nodiscard]] MaybeValue find(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::nullopt : MaybeValue(*found->second);
  }

 private:
  std::unordered_map<std::string_view, const AttributeValue*> values_;
};

void check_names(const std::vector<std::string>& by, const std::vector<Run>& runs) {
  const std::set<std::string> names = attribute_names(runs);
  for (const std::string& name : by) {
    if (names.contains(name)) continue;
    std::string all;
    for (const std::string& known : names) all += (all.empty() ? "" : ", ") + printable(known);
    throw UsageError(fmt::format("no run has an attribute '{}' that stays the same along the run; there {}",
                                 printable(name), all.empty() ? "are none" : "are: " + all));
  }
}

// The numbers of each metric, metrics in the order in which they first occur.
class Collected {
 public:
  void add(const MetricSet& metrics) {
    for (const Metric& metric : metrics.all()) {
      const std::optional<double> number = metric.number();
      if (!number) continue;
      const auto [place, is_new] = places_.try_emplace(metric.name, values_.size());
      if (is_new) values_.emplace_back(metric.name, std::vector<double>{});
      values_[place->second].second.push_back(*number);
    }
  }

  [[nodiscard]] std::vector<MetricStatistic> statistics() const {
    std::vector<MetricStatistic> all;
    for (const auto& [name, numbers] : values_) all.push_back({name, statistic_of(numbers)});
    return all;
  }

 private:
  std::unordered_map<std::string, std::size_t> places_;
  std::vector<std::pair<std::string, std::vector<double>>> values_;
};

std::size_t count_failed(const CheckpointResult& checkpoint, std::size_t before) {
  return static_cast<std::size_t>(
      std::ranges::count(checkpoint.failed_layers, before, &MissingLayer::position));
}

// Statistics of the last checkpoints of the group's runs.
void measure(RunGroup& group, const Results& results, const std::vector<Run>& runs) {
  Collected targets;
  struct Named {
    std::size_t position = 0;
    std::size_t order = 0;  // of first occurrence
    Collected metrics;
  };
  std::map<std::string, Named> layers;
  Collected deepest;
  std::set<std::string> deepest_names;
  for (const std::size_t i : group.runs) {
    if (runs[i].death) continue;
    const CheckpointResult& last = results.checkpoints[runs[i].checkpoints.back()];
    targets.add(last.targets);
    std::size_t position = 0;
    for (std::size_t place = 0; place < last.layers.size(); ++place) {
      const LayerResult& layer = last.layers[place];
      position += count_failed(last, place);
      Named& named = layers.try_emplace(layer.name, Named{position, layers.size(), {}}).first->second;
      named.position = std::max(named.position, position++);
      named.metrics.add(layer.metrics);
    }
    if (const LayerResult* layer = last.last_layer()) {
      deepest.add(layer->metrics);
      deepest_names.insert(layer->name);
    }
  }
  std::vector<std::pair<std::string, const Named*>> in_order;
  for (const auto& [name, named] : layers) in_order.emplace_back(name, &named);
  std::ranges::sort(in_order, {},
                    [](const auto& layer) { return std::pair(layer.second->position, layer.second->order); });
  group.targets = targets.statistics();
  for (const auto& [name, named] : in_order) {
    group.last.push_back({name, named->position, named->metrics.statistics()});
  }
  group.deepest = deepest.statistics();
  group.deepest_layers.assign(deepest_names.begin(), deepest_names.end());
  std::ranges::stable_sort(group.deepest_layers, natural_less);
}

}  // namespace

Statistic statistic_of(const std::vector<double>& values) {
  if (values.empty()) return {};
  const auto n = static_cast<double>(values.size());
  Statistic statistic{std::accumulate(values.begin(), values.end(), 0.0) / n, std::nullopt, values.size()};
  if (values.size() > 1) {
    double squares = 0;
    for (const double value : values) squares += (value - statistic.mean) * (value - statistic.mean);
    statistic.spread = std::sqrt(squares / (n - 1));
  }
  return statistic;
}

RunComparison compare_runs(const Results& results, const std::vector<Run>& runs,
                           const std::optional<std::vector<std::string>>& by) {
  RunComparison comparison;
  if (runs.empty()) return comparison;
  if (by) check_names(*by, runs);
  comparison.by = by ? asked_for(*by, runs) : differing(runs);
  std::map<std::vector<AttributeKey>, RunGroup> groups;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::vector<AttributeKey> key;
    std::vector<MaybeValue> values;
    const AttributesOf attributes(runs[i]);
    for (const std::string& name : comparison.by) {
      values.push_back(attributes.find(name));
      key.push_back(key_of(values.back()));
    }
    RunGroup& group = groups[key];
    if (group.runs.empty()) group.values = std::move(values);
    group.runs.push_back(i);
    if (runs[i].death) group.dead.push_back(i);
  }
  for (auto& [key, group] : groups) {
    measure(group, results, runs);
    comparison.groups.push_back(std::move(group));
  }
  return comparison;
}

}  // namespace collapscope
