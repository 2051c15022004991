#include "analysis/layer_places.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "collapscope/metrics/metrics.hpp"

namespace collapscope {

namespace {

struct Lost {
  double place = 0;  // between those of the first shard's layers, where it has none
  std::string name;
};

// Those that failed, too.
std::vector<std::string> names_in_order(const CheckpointIndex& shard) {
  std::vector<FailedLayer> all = shard.failed_layers;
  for (const LayerIndex& layer : shard.layers) {
    all.push_back({layer.name, layer.place});
  }
  std::ranges::stable_sort(all, {}, &FailedLayer::place);
  std::vector<std::string> names;
  std::ranges::transform(all, std::back_inserter(names), &FailedLayer::name);
  return names;
}

// Layers of the first shard that failed, and those that only others have.
std::vector<Lost> lost_layers(const Checkpoint& checkpoint) {
  const CheckpointIndex& first = checkpoint.front();
  std::vector<Lost> lost;
  std::map<std::string, double> known;
  for (const FailedLayer& layer : first.failed_layers) {
    lost.push_back({static_cast<double>(layer.place), layer.name});
    known.emplace(layer.name, static_cast<double>(layer.place));
  }
  for (const LayerIndex& layer : first.layers) {
    known.emplace(layer.name, static_cast<double>(layer.place));
  }
  for (const CheckpointIndex& shard : checkpoint.shards) {
    double before = -0.5;
    for (const std::string& name : names_in_order(shard)) {
      const auto [found, is_new] = known.emplace(name, before);
      if (is_new) lost.push_back({before, name});
      before = std::max(before, std::floor(found->second) + 0.5);
    }
  }
  std::ranges::stable_sort(lost, {}, &Lost::place);
  return lost;
}

}  // namespace

void put_layers(CheckpointResult& result, const Checkpoint& checkpoint, std::vector<LayerEnd> ends) {
  std::ranges::sort(ends, {}, &LayerEnd::index);
  std::vector<const MetricSet*> over_depth;
  const std::vector<Lost> all_lost = lost_layers(checkpoint);
  auto lost = all_lost.begin();
  const auto pass_lost = [&](double place) {
    for (; lost != all_lost.end() && lost->place < place; ++lost) {
      result.failed_layers.push_back({lost->name, result.layers.size()});
      over_depth.push_back(nullptr);
    }
  };
  result.layers.reserve(ends.size());  // `over_depth` points into it
  for (LayerEnd& end : ends) {
    pass_lost(static_cast<double>(end.index->place));
    if (end.result) {
      result.layers.push_back(*std::move(end.result));
    } else {
      result.failed_layers.push_back({end.index->name, result.layers.size()});
    }
    over_depth.push_back(end.result ? &result.layers.back().metrics : nullptr);
  }
  pass_lost(std::numeric_limits<double>::infinity());
  result.depth = depth_metrics(over_depth, result.task == "classification");
}

}  // namespace collapscope
