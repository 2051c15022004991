#include "analysis/run_metrics.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "collapscope/metrics/metrics.hpp"

namespace collapscope {

namespace {

using Nrc3ByLayer = std::unordered_map<std::string_view, const Nrc3Inputs*>;

Nrc3ByLayer nrc3_by_layer(const RunMember& member) {
  Nrc3ByLayer layers;
  for (const Nrc3Inputs& inputs : member.layers) {
    layers.emplace(inputs.layer, &inputs);
  }
  return layers;
}

const Nrc3Inputs* nrc3_of(const Nrc3ByLayer& layers, const std::string& name) {
  const auto found = layers.find(name);
  return found == layers.end() ? nullptr : found->second;
}

// `last`: of the run's last checkpoint; nullptr for what belongs to no run.
Metric final_gamma(const LayerResult& layer, const Nrc3ByLayer& member, const Nrc3ByLayer* last) {
  Metric metric{"nrc3_final_gamma", std::monostate{}, std::nullopt, {}};
  const Nrc3Inputs* here = nrc3_of(member, layer.name);
  if (here == nullptr) {
    const Metric* nrc3_here = layer.metrics.find("nrc3");
    metric.note = nrc3_here != nullptr ? nrc3_here->note : "nrc3 is undefined";
    return metric;
  }
  if (last == nullptr) {
    metric.note = "no run";
    return metric;
  }
  const Nrc3Inputs* end = nrc3_of(*last, layer.name);
  const auto best = end == nullptr ? std::nullopt : nrc3_minimum(end->gram, end->root, end->lambda_min);
  const auto value = best ? nrc3(here->gram, here->root, best->gamma) : std::nullopt;
  if (value) {
    metric.value = *value;
    if (best->gamma > here->lambda_min * (1 + 1e-9)) {  // it cannot be where the targets stay the same
      metric.note = "other targets than at the run's last checkpoint, whose gamma is too large for these";
    }
  } else {
    metric.note = "nrc3 is undefined at the run's last checkpoint";
  }
  return metric;
}

}  // namespace

std::optional<Nrc3Inputs> nrc3_inputs(const LayerResult& result, const LayerSummary& layer,
                                      const TargetSummary& targets) {
  const Metric* const metric = result.metrics.find("nrc3");
  if (metric == nullptr || !metric->defined()) {
    return std::nullopt;
  }
  return Nrc3Inputs{result.name, layer.weight->gram, targets.root, targets.lambda_min()};
}

void add_final_gamma(std::vector<CheckpointResult>& checkpoints, const std::vector<RunMember>& members) {
  for (std::size_t i = 0; i < checkpoints.size(); ++i) {
    if (checkpoints[i].task == "classification") {
      continue;
    }
    const RunMember* last = nullptr;
    for (const RunMember& member : members) {
      if (!member.run.empty() && member.run == members[i].run) {
        last = &member;
      }
    }
    const Nrc3ByLayer here = nrc3_by_layer(members[i]);
    const Nrc3ByLayer end = last == nullptr ? Nrc3ByLayer() : nrc3_by_layer(*last);
    for (LayerResult& layer : checkpoints[i].layers) {
      auto& metrics = layer.metrics.all();
      const auto after = std::find_if(metrics.begin(), metrics.end(),
                                      [](const Metric& metric) { return metric.name == "nrc3_ufm"; });
      metrics.insert(after == metrics.end() ? after : after + 1,
                     final_gamma(layer, here, last == nullptr ? nullptr : &end));
    }
  }
}

}  // namespace collapscope
