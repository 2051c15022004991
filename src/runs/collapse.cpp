// Where in depth collapse begins, and since when.
#include <algorithm>
#include <unordered_map>

#include "collapscope/runs/runs.hpp"

namespace collapscope {

CheckpointCollapse checkpoint_collapse(const CheckpointResult& checkpoint, const Criteria& criteria) {
  CheckpointCollapse collapse;
  for (const LayerResult& layer : checkpoint.layers) {
    collapse.layers.push_back(is_collapsed(layer, criteria, &layer == checkpoint.last_layer()));
  }
  for (std::size_t i = collapse.layers.size();
       i > 0 && collapse.layers[i - 1] == true && !checkpoint.lacks_layer_before(i); --i) {
    collapse.from = i - 1;
  }
  return collapse;
}

namespace {

// Of a layer that is not collapsed at a checkpoint, or that the checkpoint lacks (nullptr).
BeforeSince said_before(const LayerResult* layer, std::optional<bool> collapsed, bool is_last,
                        const Criteria& criteria) {
  if (layer == nullptr) return BeforeSince::not_measured;
  if (collapsed) return BeforeSince::not_collapsed;
  const bool all_there = std::ranges::all_of(criteria, [&](const Criterion& criterion) {
    return (!is_last && is_of_last_layer(criterion.metric)) ||
           layer->metrics.find(criterion.metric) != nullptr;
  });
  return all_there ? BeforeSince::unknown : BeforeSince::not_measured;
}

}  // namespace

RunCollapse run_collapse(const Results& results, const Run& run, const Criteria& criteria) {
  RunCollapse collapse;
  if (run.checkpoints.empty()) return collapse;
  for (const std::size_t i : run.checkpoints) {
    collapse.checkpoints.push_back(checkpoint_collapse(results.checkpoints[i], criteria));
  }
  // From the last checkpoint back: layers that are still collapsed at every checkpoint looked at.
  const CheckpointResult& last = results.checkpoints[run.checkpoints.back()];
  std::unordered_map<std::string_view, std::size_t> collapsed;
  for (const LayerResult& layer : last.layers) {
    collapsed.emplace(layer.name, collapse.layers.size());
    collapse.layers.push_back({layer.name, std::nullopt, BeforeSince::not_collapsed});
  }
  for (std::size_t i = run.checkpoints.size(); i > 0 && !collapsed.empty(); --i) {
    std::unordered_map<std::string_view, std::size_t> still;
    const CheckpointResult& checkpoint = results.checkpoints[run.checkpoints[i - 1]];
    for (std::size_t j = 0; j < checkpoint.layers.size(); ++j) {
      const auto found = collapsed.find(checkpoint.layers[j].name);
      if (found == collapsed.end()) continue;
      LayerSince& since = collapse.layers[found->second];
      const std::optional<bool> now = collapse.checkpoints[i - 1].layers[j];
      if (now == true) {
        since.checkpoint = i - 1;
        still.insert(*found);
      } else if (since.checkpoint) {
        const LayerResult& layer = checkpoint.layers[j];
        since.before = said_before(&layer, now, &layer == checkpoint.last_layer(), criteria);
      }
      collapsed.erase(found);
    }
    for (const auto& [name, place] : collapsed) {  // those that this checkpoint lacks
      LayerSince& since = collapse.layers[place];
      if (since.checkpoint) since.before = said_before(nullptr, std::nullopt, false, criteria);
    }
    collapsed = std::move(still);
  }
  return collapse;
}

}  // namespace collapscope
