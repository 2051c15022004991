#include "analysis/in_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
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

// values: [rows, cols]
void require_finite(std::span<const double> values, std::size_t cols, const std::string& layer,
                    const char* what) {
  const auto found = std::ranges::find_if(values, [](double value) { return !std::isfinite(value); });
  if (found != values.end()) {
    throw UsageError(fmt::format("layer '{}': found {} in row {} of the {}; expected finite numbers", layer,
                                 *found, static_cast<std::size_t>(found - values.begin()) / cols, what));
  }
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
    index.layers.back().place = index.places++;
  }
  return {{std::move(index)}};
}

void describe_classes(CheckpointIndex& checkpoint, const AccumulatedCheckpoint& about) {
  checkpoint.task = "classification";
  checkpoint.class_names = about.class_names;
  checkpoint.targets.shape.resize(1);
  checkpoint.targets.element.kind = ElementKind::int64;
}

std::vector<AccumulatedLayer> checked(std::vector<AccumulatedLayer> layers,
                                      const AccumulatedTargets& targets) {
  constexpr std::uint64_t most_classes = std::uint64_t{1} << 26U;
  constexpr std::size_t most_features = std::size_t{1} << 31U;
  if (layers.empty() || (targets.components == 0) == (targets.classes == 0)) {
    throw UsageError("expected a layer at least, and targets or classes");
  }
  if (targets.classes > most_classes) {
    throw UsageError(fmt::format("found {} classes; expected at most {}", targets.classes, most_classes));
  }
  std::set<std::string> names;
  for (const AccumulatedLayer& layer : layers) {
    const std::string name = printable(layer.name);
    if (layer.features == 0 || layer.features > most_features) {
      throw UsageError(fmt::format("layer '{}': found {} features; expected 1 to {}", name, layer.features,
                                   most_features));
    }
    if (!layer.weight.empty() && layer.weight.cols() != layer.features) {
      throw UsageError(fmt::format(
          "layer '{}': found a weight of shape [{}, {}]; expected [m, {}], for rows of {} features", name,
          layer.weight.rows(), layer.weight.cols(), layer.features, layer.features));
    }
    if (!layer.bias.empty() && !layer.convolution && layer.bias.size() != layer.weight.rows()) {
      throw UsageError(
          fmt::format("layer '{}': found a bias of {} numbers; expected {}, as the weight has rows", name,
                      layer.bias.size(), layer.weight.rows()));
    }
    require_finite(layer.weight.values(), layer.weight.cols(), name, "weight");
    if (targets.classes > 0) {
      require_finite(layer.bias, 1, name, "bias");
    }
    if (!names.insert(layer.name).second) {
      throw UsageError(fmt::format("layer '{}' is there twice", name));
    }
  }
  return layers;
}

}  // namespace collapscope
