#include "analysis/layer_places.hpp"

#include <algorithm>
#include <utility>

#include "collapscope/metrics/metrics.hpp"

namespace collapscope {

void put_layers(CheckpointResult& result, const std::vector<FailedLayer>& failed,
                std::vector<LayerEnd> ends) {
  std::ranges::sort(ends, {}, &LayerEnd::index);
  std::vector<const MetricSet*> over_depth;
  auto lost = failed.begin();
  const auto pass_lost = [&](std::size_t place) {
    for (; lost != failed.end() && lost->place < place; ++lost) {
      result.failed_layers.push_back({lost->name, result.layers.size()});
      over_depth.push_back(nullptr);
    }
  };
  result.layers.reserve(ends.size());  // `over_depth` points into it
  for (LayerEnd& end : ends) {
    pass_lost(end.index->place);
    if (end.result) {
      result.layers.push_back(*std::move(end.result));
    } else {
      result.failed_layers.push_back({end.index->name, result.layers.size()});
    }
    over_depth.push_back(end.result ? &result.layers.back().metrics : nullptr);
  }
  pass_lost(static_cast<std::size_t>(-1));
  result.depth = depth_metrics(over_depth, result.task == "classification");
}

}  // namespace collapscope
