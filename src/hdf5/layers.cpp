#include "hdf5/layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "dump/layer_shapes.hpp"
#include "hdf5/attributes.hpp"
#include "hdf5/dataset.hpp"

namespace collapscope::hdf5 {

namespace {

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::size_t rank_of(Layout layout) { return layout == Layout::rows ? 2 : layout == Layout::ntd ? 3 : 4; }

Layout parse_layout(const std::string& text, const Place& place) {
  const std::string name = upper(text);
  for (const Layout layout : {Layout::ntd, Layout::nchw, Layout::nhwc}) {
    if (name == layout_name(layout)) {
      return layout;
    }
  }
  throw InputError(
      place.file, place.object,
      fmt::format(R"(attribute 'layout': found "{}"; expected "NTD", "NCHW" or "NHWC")", printable(text)));
}

Layout default_layout(const DatasetIndex& activations, const Place& place) {
  switch (activations.shape.size()) {
    case 2:
      return Layout::rows;
    case 3:
      return Layout::ntd;
    case 4:
      return Layout::nchw;
    default:
      throw InputError(
          place.file, place.object,
          fmt::format("found activations of shape {}; expected [N, d], [N, T, d], [N, C, H, W] or "
                      "[N, H, W, C]",
                      shape_text(activations.shape)));
  }
}

// The user's layout where it fits, else the file's, else by the number of axes.
Layout choose_layout(const LayerIndex& layer, const std::optional<std::string>& attribute,
                     const std::optional<Layout>& wanted, const Place& place) {
  const std::size_t rank = layer.activations.shape.size();
  const Layout by_rank = default_layout(layer.activations, place);
  if (wanted && rank_of(*wanted) == rank) {
    return *wanted;
  }
  if (!attribute) {
    return by_rank;
  }
  const Layout layout = parse_layout(*attribute, place);
  if (rank_of(layout) != rank) {
    throw InputError(place.file, place.object,
                     fmt::format("attribute 'layout' is {}: found activations of shape {}, expected {} axes",
                                 layout_name(layout), shape_text(layer.activations.shape), rank_of(layout)));
  }
  return layout;
}

std::optional<Pool> pool_attribute(const Attributes& attributes, const Place& place) {
  const auto text = attributes.text("pool");
  if (!text) {
    return std::nullopt;
  }
  try {
    return parse_pool(*text);
  } catch (const UsageError& error) {
    throw InputError(place.file, place.object, fmt::format("attribute 'pool': {}", error.what()));
  }
}

void require_fit(const std::string& misfit, const Place& place) {
  if (!misfit.empty()) {
    throw InputError(place.file, place.object, misfit);
  }
}

std::optional<DatasetIndex> optional_dataset(FileSet& files, const Object& checkpoint,
                                             const std::string& path, std::uint64_t max_chunk_bytes) {
  if (path.empty()) {
    return std::nullopt;
  }
  const std::optional<Object> object = files.find(checkpoint, path);
  return object ? std::optional(describe_dataset(files, *object, max_chunk_bytes)) : std::nullopt;
}

void read_attributes(FileSet& files, const Object& checkpoint, const LayerParts& parts,
                     const IndexOptions& options, LayerIndex& layer) {
  Place place = files.place(checkpoint, parts.activations);
  Attributes attributes;
  if (!parts.group.empty()) {
    const Object group = files.get(checkpoint, parts.group, "a layer");
    place = files.place(group);
    attributes = Attributes(group.id.get(), place);
  }
  layer.index = attributes.integer("index");
  layer.kind = attributes.text("kind").value_or("");
  layer.pool = pool_attribute(attributes, place);
  layer.layout = choose_layout(layer, attributes.text("layout"), options.naming.layout, place);
}

}  // namespace

LayerIndex index_layer(FileSet& files, const Object& checkpoint, const LayerParts& parts,
                       const IndexOptions& options, const DatasetIndex& targets) {
  LayerIndex layer;
  layer.name = parts.name;
  layer.weight_transposed = options.naming.transpose_weight;
  const Object activations = files.get(checkpoint, parts.activations, "the activations");
  layer.activations = describe_dataset(files, activations, options.max_chunk_bytes);
  read_attributes(files, checkpoint, parts, options, layer);
  require_same_samples(files.place(activations), layer.activations, targets);
  layer.weight = optional_dataset(files, checkpoint, parts.weight, options.max_chunk_bytes);
  if (layer.weight) {
    require_fit(weight_misfit(layer), files.place(checkpoint, parts.weight));
  }
  layer.bias = optional_dataset(files, checkpoint, parts.bias, options.max_chunk_bytes);
  if (layer.bias) {
    require_fit(bias_misfit(layer), files.place(checkpoint, parts.bias));
  }
  return layer;
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
