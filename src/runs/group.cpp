// Checkpoints as runs, and a metric over a run.
#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "collapscope/runs/runs.hpp"
#include "results/run_key.hpp"
#include "runs/attribute_key.hpp"
#include "runs/death.hpp"

namespace collapscope {
namespace {

// What the format itself means by an attribute, or what cannot be the same along a run.
constexpr std::array<std::string_view, 6> not_of_runs = {"format", "format_version", "run",
                                                         "step",   "step_unit",      "task"};

const AttributeValue* find_attribute(const CheckpointResult& checkpoint, std::string_view name) {
  const auto found = std::ranges::find(
      checkpoint.attributes, name, [](const auto& pair) -> auto& { return pair.first; });
  return found == checkpoint.attributes.end() ? nullptr : &found->second;
}

Attributes common_attributes(const Results& results, const std::vector<std::size_t>& checkpoints) {
  std::unordered_map<std::string_view, std::size_t> shared;  // by how many checkpoints
  const Attributes& first = results.checkpoints[checkpoints.front()].attributes;
  std::unordered_map<std::string_view, const AttributeValue*> wanted;
  for (const auto& [name, value] : first) wanted.try_emplace(name, &value);
  for (const std::size_t i : checkpoints) {
    std::unordered_set<std::string_view> seen;  // of an attribute that is there twice, the first counts
    for (const auto& [name, value] : results.checkpoints[i].attributes) {
      const auto found = wanted.find(name);
      if (seen.insert(name).second && found != wanted.end() && same_value(*found->second, value))
        ++shared[name];
    }
  }
  Attributes common;
  for (const auto& attribute : first) {
    const std::string& name = attribute.first;
    const bool same = shared[name] == checkpoints.size() && same_value(*wanted[name], attribute.second);
    if (same && std::ranges::find(not_of_runs, name) == not_of_runs.end()) common.push_back(attribute);
  }
  std::ranges::sort(
      common, {}, [](const auto& pair) -> auto& { return pair.first; });
  return common;
}

std::string run_name(const CheckpointResult& checkpoint) {
  return checkpoint.run.empty() ? checkpoint.path : checkpoint.run;
}

// Of the runs that the samples tell apart, the name says which they are.
void tell_splits_apart(const Results& results, std::vector<Run>& runs) {
  std::map<std::string, std::size_t> counts;
  for (const Run& run : runs) {
    ++counts[run.name];
  }
  for (Run& run : runs) {
    const std::string split = split_of(results.checkpoints[run.checkpoints.front()].attributes);
    if (counts[run.name] > 1 && !split.empty()) {
      run.name += " (" + split + ")";
    }
  }
}

}  // namespace

std::vector<Run> group_runs(const Results& results) {
  std::vector<Run> runs;
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < results.checkpoints.size(); ++i) {
    const std::string key = run_key(results.checkpoints[i]);
    const std::size_t place = key.empty() ? runs.size() : places.try_emplace(key, runs.size()).first->second;
    if (place == runs.size()) runs.push_back({run_name(results.checkpoints[i]), {}, {}, {}});
    runs[place].checkpoints.push_back(i);
  }
  const RunFailures failures(results);
  tell_splits_apart(results, runs);
  for (Run& run : runs) {
    std::ranges::stable_sort(run.checkpoints, {}, [&](std::size_t i) {
      return results.checkpoints[i].step.value_or(std::numeric_limits<double>::infinity());
    });
    run.attributes = common_attributes(results, run.checkpoints);
    const AttributeValue* unit = find_attribute(results.checkpoints[run.checkpoints.front()], "step_unit");
    const auto* text = unit == nullptr ? nullptr : std::get_if<std::string>(unit);
    if (text != nullptr) run.step_unit = *text;
    run.death = death_of(results, run, failures.of(results.checkpoints[run.checkpoints.front()]));
  }
  return runs;
}

std::vector<std::optional<double>> layer_series(const Results& results, const Run& run,
                                                std::string_view layer, std::string_view metric) {
  std::vector<std::optional<double>> series;
  for (const std::size_t i : run.checkpoints) {
    const std::vector<LayerResult>& layers = results.checkpoints[i].layers;
    const auto found = std::ranges::find(layers, layer, &LayerResult::name);
    const Metric* value = found == layers.end() ? nullptr : found->metrics.find(metric);
    series.push_back(value == nullptr ? std::nullopt : value->number());
  }
  return series;
}

}  // namespace collapscope
