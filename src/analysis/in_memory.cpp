#include "analysis/in_memory.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope {

namespace {

DatasetIndex dataset(const std::string& object, std::uint64_t rows, std::size_t cols, ElementType element) {
  DatasetIndex dataset;
  dataset.object = object;
  dataset.shape = {rows, cols};
  dataset.element = element;
  dataset.storage = Storage::raw;
  return dataset;
}

}  // namespace

RowFormat format_in_memory(std::size_t features, ElementType element) {
  RowFormat format;
  format.element = element;
  format.channels = features;
  return format;
}

LayerIndex described(const AccumulatedLayer& layer, std::uint64_t rows) {
  LayerIndex index;
  index.name = layer.name;
  index.index = layer.index;
  index.kind = layer.kind;
  index.activations = dataset(layer.name, rows, layer.features, layer.element);
  return index;
}

Checkpoint described(const AccumulatedCheckpoint& about, std::uint64_t rows,
                     const std::vector<AccumulatedLayer>& layers, std::size_t targets,
                     ElementType target_element) {
  CheckpointIndex index;
  index.path = about.path;
  index.run = about.run;
  index.step = about.step;
  index.attributes = about.attributes;
  index.is_complete = true;
  index.targets = dataset("targets", rows, targets, target_element);
  for (const AccumulatedLayer& layer : layers) {
    index.layers.push_back(described(layer, rows));
  }
  return {{std::move(index)}};
}

void check_layers(const std::vector<AccumulatedLayer>& layers, std::size_t targets) {
  if (layers.empty() || targets == 0) {
    throw UsageError("expected a layer and a target at least");
  }
  std::set<std::string> names;
  for (const AccumulatedLayer& layer : layers) {
    const std::string name = printable(layer.name);
    if (layer.features == 0) {
      throw UsageError(fmt::format("layer '{}': expected a feature at least", name));
    }
    if (!layer.weight.empty() && layer.weight.cols() != layer.features) {
      throw UsageError(fmt::format(
          "layer '{}': found a weight of shape [{}, {}]; expected [m, {}], for rows of {} features", name,
          layer.weight.rows(), layer.weight.cols(), layer.features, layer.features));
    }
    if (!names.insert(layer.name).second) {
      throw UsageError(fmt::format("layer '{}' is there twice", name));
    }
  }
}

}  // namespace collapscope
