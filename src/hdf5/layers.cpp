#include "hdf5/layers.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "dump/layer_shapes.hpp"
#include "hdf5/attributes.hpp"
#include "hdf5/dataset.hpp"
#include "hdf5/dtype.hpp"
#include "hdf5/layer_layout.hpp"
#include "hdf5/meaning.hpp"
#include "hdf5/misspelt.hpp"

namespace collapscope::hdf5 {

namespace {

// As the user says where it fits, else as the weight's attribute does.
KernelOrder kernel_order(const Object& weight, const DatasetIndex& index, const std::string& wanted,
                         const Place& place) {
  const auto by_user = find_kernel(wanted);
  if (by_user && by_user->axes == index.shape.size()) {
    return by_user->order;
  }
  constexpr std::array names{"layout"};
  const auto text = Attributes(weight.id.get(), place, names).text("layout");
  if (!text || index.shape.size() < 3) {
    return KernelOrder::unsaid;
  }
  const auto named = find_kernel(*text);
  if (!named || named->axes != index.shape.size()) {
    throw InputError(
        place.file, place.object,
        fmt::format(R"(attribute 'layout': found "{}" on a weight of shape {}; expected "OIHW" or )"
                    R"("HWIO", or "OIW", "WIO", "OIDHW", "DHWIO" with as many axes)",
                    printable(*text), shape_text(index.shape)));
  }
  return named->order;
}

void require_fit(const std::string& misfit, const Place& place) {
  if (!misfit.empty()) {
    throw InputError(place.file, place.object, misfit);
  }
}

std::optional<DatasetIndex> optional_dataset(FileSet& files, const Object& checkpoint,
                                             const std::string& path, const IndexOptions& options) {
  if (path.empty()) {
    return std::nullopt;
  }
  const std::optional<Object> object = files.find(checkpoint, path);
  return object ? std::optional(describe_dataset(files, *object, DatasetRules(options))) : std::nullopt;
}

// What lies beside a named weight and fits as its bias, where the user names none; empty: nothing.
std::string bias_beside(FileSet& files, const Object& checkpoint, const std::string& weight,
                        const IndexOptions& options, LayerIndex layer) {
  const std::size_t name = weight.rfind('/') + 1;  // 0 where there is no '/'
  std::vector<std::string> candidates{weight.substr(0, name) + "bias"};
  for (const std::string_view part : {"weight", "kernel"}) {
    if (const std::size_t at = weight.find(part, name); at != std::string::npos) {
      candidates.push_back(std::string(weight).replace(at, part.size(), "bias"));
    }
  }
  for (const std::string& candidate : candidates) {
    try {
      layer.bias = optional_dataset(files, checkpoint, candidate, options);
      if (layer.bias && bias_misfit(layer).empty()) {
        return layer.bias->object;
      }
    } catch (const InputError&) {
      // No bias.
    }
  }
  return "";
}

// What the group says of the numbers' type, where the dataset says nothing.
void apply_dtype(const Attributes& attributes, DatasetIndex& activations, const Place& place) {
  const std::optional<SaidType> said = said_type(attributes);
  if (!said || activations.type_is_said) {
    return;
  }
  const ElementType meant = interpret(activations.element, said, activations.read_as, place);
  if (meant != activations.element) {
    activations.element = meant;
    activations.read_as = meant.kind;
  }
  activations.type_is_said = true;
}

void read_attributes(FileSet& files, const Object& checkpoint, const LayerParts& parts,
                     const Object& activations, const IndexOptions& options, LayerIndex& layer,
                     std::vector<Failure>& remarks) {
  Place place = files.place(checkpoint, parts.activations);
  Attributes attributes;
  if (!parts.group.empty()) {
    const Object group = files.get(checkpoint, parts.group, "a layer");
    place = files.place(group);
    attributes = Attributes(group.id.get(), place);
  }
  apply_dtype(attributes, layer.activations, place);
  layer.index = attributes.integer("index");
  layer.kind = attributes.text("kind").value_or("");
  read_layout({attributes, place, !parts.group.empty()}, activations, files.place(activations), options,
              layer, remarks);
}

}  // namespace

LayerIndex index_layer(FileSet& files, const Object& checkpoint, const LayerParts& parts,
                       const IndexOptions& options, const DatasetIndex& targets,
                       std::vector<Failure>& remarks) {
  LayerIndex layer;
  layer.name = parts.name;
  layer.weight_transposed = options.naming.transpose_weight;
  const Object activations = files.get(checkpoint, parts.activations, "the activations");
  layer.activations = describe_samples(files, activations, options);
  remark_on_validity(activations, files.place(activations), remarks);
  read_attributes(files, checkpoint, parts, activations, options, layer, remarks);
  require_same_samples(files.place(activations), layer.activations, targets);
  layer.weight = optional_dataset(files, checkpoint, parts.weight, options);
  if (layer.weight) {
    layer.kernel_order = kernel_order(files.get(checkpoint, parts.weight, "the weight"), *layer.weight,
                                      options.naming.weight_layout, files.place(checkpoint, parts.weight));
    require_fit(weight_misfit(layer), files.place(checkpoint, parts.weight));
  }
  layer.bias = optional_dataset(files, checkpoint, parts.bias, options);
  if (layer.bias) {
    require_fit(bias_misfit(layer), files.place(checkpoint, parts.bias));
  } else if (layer.weight && !options.naming.weight.empty() && options.naming.bias.empty()) {
    layer.unused_bias = bias_beside(files, checkpoint, parts.weight, options, layer);
  }
  if (!parts.group.empty()) {
    const Object group = files.get(checkpoint, parts.group, "a layer");
    if (!layer.weight) {
      remark_on_misspelt(files, group, "weight", remarks);
    }
    if (!layer.bias) {
      remark_on_misspelt(files, group, "bias", remarks);
    }
  }
  return layer;
}

UnmeasuredLayer unmeasured_layer(FileSet& files, const Object& checkpoint, const LayerParts& parts,
                                 bool has_failed) {
  UnmeasuredLayer found;
  found.layer.name = parts.name;
  found.has_failed = has_failed;
  try {
    if (!parts.group.empty()) {
      const Object group = files.get(checkpoint, parts.group, "a layer");
      constexpr std::array names{"index"};
      found.layer.index = Attributes(group.id.get(), files.place(group), names).integer("index");
    }
    found.is_readable = !parts.group.empty();
  } catch (const InputError&) {
    found.is_readable = false;
  }
  return found;
}

bool comes_before(const LayerIndex& a, const LayerIndex& b) {
  if (a.index.has_value() != b.index.has_value()) {
    return a.index.has_value();
  }
  if (a.index != b.index) {
    return *a.index < *b.index;
  }
  return natural_less(a.name, b.name);
}

void require_same_samples(const Place& place, const DatasetIndex& dataset, const DatasetIndex& targets) {
  if (dataset.samples() != targets.samples()) {
    throw InputError(
        place.file, place.object,
        fmt::format("found {} samples (shape {}); expected {}, as the targets {} have", dataset.samples(),
                    shape_text(dataset.shape), targets.samples(), printable(targets.object)));
  }
}

}  // namespace collapscope::hdf5
