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
    collapse.layers.push_back({layer.name, std::nullopt});
  }
  for (std::size_t i = run.checkpoints.size(); i > 0 && !collapsed.empty(); --i) {
    std::unordered_map<std::string_view, std::size_t> still;
    const CheckpointResult& checkpoint = results.checkpoints[run.checkpoints[i - 1]];
    for (std::size_t j = 0; j < checkpoint.layers.size(); ++j) {
      const auto found = collapsed.find(checkpoint.layers[j].name);
      if (found == collapsed.end() || collapse.checkpoints[i - 1].layers[j] != true) continue;
      collapse.layers[found->second].checkpoint = i - 1;
      still.insert(*found);
    }
    collapsed = std::move(still);
  }
  return collapse;
}

}  // namespace collapscope
