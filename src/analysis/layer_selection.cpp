#include "analysis/layer_selection.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <utility>

#include "collapscope/core/text.hpp"

namespace collapscope {

namespace {

bool selected(const std::string& layer, const std::vector<std::string>& globs) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(),
                                      [&](const std::string& glob) { return glob_match(glob, layer); });
}

}  // namespace

std::vector<const LayerIndex*> layers_in_file_order(const CheckpointIndex& checkpoint,
                                                    const std::vector<std::string>& globs) {
  std::vector<std::string> names;
  std::ranges::transform(checkpoint.layers, std::back_inserter(names), &LayerIndex::name);
  const std::vector<std::string> meant = globs_among(globs, names);
  std::vector<const LayerIndex*> layers;
  for (const LayerIndex& layer : checkpoint.layers) {
    if (selected(layer.name, meant)) {
      layers.push_back(&layer);
    }
  }
  const auto place = [](const LayerIndex* layer) {
    return std::make_pair(layer->activations.address.value_or(std::numeric_limits<std::uint64_t>::max()),
                          layer);
  };
  std::sort(layers.begin(), layers.end(),
            [&](const LayerIndex* a, const LayerIndex* b) { return place(a) < place(b); });
  return layers;
}

}  // namespace collapscope
