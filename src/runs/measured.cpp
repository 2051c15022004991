// What was measured at some checkpoints of a run and not at others.
#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "collapscope/runs/runs.hpp"

namespace collapscope {
namespace {

using MeasuredAt = std::vector<std::unordered_set<std::string_view>>;  // names, for each checkpoint

bool have_same_names(const MetricSet& a, const MetricSet& b) {
  return std::ranges::equal(a.all(), b.all(), {}, &Metric::name, &Metric::name);
}

std::unordered_set<std::string_view> metric_names(const CheckpointResult& checkpoint) {
  std::unordered_set<std::string_view> names;
  const auto add = [&](const MetricSet& set) {
    for (const Metric& metric : set.all()) names.insert(metric.name);
  };
  add(checkpoint.targets);
  const MetricSet* before = nullptr;
  for (const LayerResult& layer : checkpoint.layers) {
    if (before == nullptr || !have_same_names(*before, layer.metrics)) add(layer.metrics);
    before = &layer.metrics;
  }
  return names;
}

// Names that are lacking at the same checkpoints go together. at: the checkpoints, of which `names` are to be
// expected.
void add_lacking(std::vector<NotMeasured>& all, bool are_layers, const std::vector<std::string_view>& names,
                 const MeasuredAt& measured, const std::vector<std::size_t>& at) {
  std::map<std::vector<std::size_t>, std::size_t> places;
  for (const std::string_view name : names) {
    std::vector<std::size_t> lacking;
    for (const std::size_t i : at) {
      if (!measured[i].contains(name)) lacking.push_back(i);
    }
    if (lacking.empty()) continue;
    const auto [place, is_new] = places.try_emplace(lacking, all.size());
    if (is_new) all.push_back({{}, are_layers, lacking, at.size()});
    all[place->second].names.emplace_back(name);
  }
}

// In the order in which they are first seen, from the last checkpoint back; those of `first` before others.
std::vector<std::string_view> known_names(const Results& results, const Run& run, bool are_layers,
                                          const std::vector<std::size_t>& at, const Criteria& first) {
  std::vector<std::string_view> names;
  std::unordered_set<std::string_view> seen;
  const auto add = [&](std::string_view name) {
    if (seen.insert(name).second) names.push_back(name);
  };
  const std::vector<std::size_t> from_last(at.rbegin(), at.rend());
  for (const std::size_t i : from_last) {
    const CheckpointResult& checkpoint = results.checkpoints[run.checkpoints[i]];
    const MetricSet* before = nullptr;
    for (const LayerResult& layer : checkpoint.layers) {
      if (are_layers) {
        add(layer.name);
      } else if (before == nullptr || !have_same_names(*before, layer.metrics)) {
        for (const Metric& metric : layer.metrics.all()) add(metric.name);
      }
      before = &layer.metrics;
    }
    if (are_layers) continue;
    for (const Metric& metric : checkpoint.targets.all()) add(metric.name);
  }
  std::stable_partition(names.begin(), names.end(), [&](std::string_view name) {
    return !are_layers && std::ranges::find(first, name, &Criterion::metric) != first.end();
  });
  return names;
}

}  // namespace

std::vector<NotMeasured> not_measured(const Results& results, const Run& run, const Criteria& criteria) {
  const std::size_t alive = run.death ? run.death->alive : run.checkpoints.size();
  MeasuredAt layers(alive);
  MeasuredAt metrics(alive);
  std::vector<std::size_t> all;
  std::map<std::string_view, std::vector<std::size_t>> with_layers;  // by task
  for (std::size_t i = 0; i < alive; ++i) {
    const CheckpointResult& checkpoint = results.checkpoints[run.checkpoints[i]];
    for (const LayerResult& layer : checkpoint.layers) layers[i].insert(layer.name);
    metrics[i] = metric_names(checkpoint);
    all.push_back(i);
    if (!checkpoint.layers.empty()) with_layers[checkpoint.task].push_back(i);
  }
  std::vector<NotMeasured> found;
  add_lacking(found, true, known_names(results, run, true, all, criteria), layers, all);
  for (const auto& [task, at] : with_layers) {
    add_lacking(found, false, known_names(results, run, false, at, criteria), metrics, at);
  }
  return found;
}

}  // namespace collapscope
