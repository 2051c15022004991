#include "analysis/run_metrics.hpp"

#include <algorithm>

#include "collapscope/metrics/metrics.hpp"

namespace collapscope {

namespace {

const Nrc3Inputs* find_layer(const RunMember& member, const std::string& layer) {
  const auto found = std::find_if(member.layers.begin(), member.layers.end(),
                                  [&](const Nrc3Inputs& inputs) { return inputs.layer == layer; });
  return found == member.layers.end() ? nullptr : &*found;
}

Metric final_gamma(const LayerResult& layer, const RunMember& member, const RunMember* last) {
  Metric metric{"nrc3_final_gamma", std::monostate{}, std::nullopt, {}};
  const Nrc3Inputs* here = find_layer(member, layer.name);
  if (here == nullptr) {
    const Metric* nrc3_here = layer.metrics.find("nrc3");
    metric.note = nrc3_here != nullptr ? nrc3_here->note : "nrc3 is undefined";
    return metric;
  }
  if (last == nullptr) {
    metric.note = "no run";
    return metric;
  }
  const Nrc3Inputs* end = find_layer(*last, layer.name);
  const auto best = end == nullptr ? std::nullopt : nrc3_minimum(end->gram, end->root, end->lambda_min);
  const auto value = best ? nrc3(here->gram, here->root, best->gamma) : std::nullopt;
  if (value) {
    metric.value = *value;
  } else {
    metric.note = "nrc3 is undefined at the run's last checkpoint";
  }
  return metric;
}

}  // namespace

void add_final_gamma(std::vector<CheckpointResult>& checkpoints, const std::vector<RunMember>& members) {
  for (std::size_t i = 0; i < checkpoints.size(); ++i) {
    const RunMember* last = nullptr;
    for (const RunMember& member : members) {
      if (!member.run.empty() && member.run == members[i].run) {
        last = &member;
      }
    }
    for (LayerResult& layer : checkpoints[i].layers) {
      auto& metrics = layer.metrics.all();
      const auto after = std::find_if(metrics.begin(), metrics.end(),
                                      [](const Metric& metric) { return metric.name == "nrc3_ufm"; });
      metrics.insert(after == metrics.end() ? after : after + 1, final_gamma(layer, members[i], last));
    }
  }
}

}  // namespace collapscope
