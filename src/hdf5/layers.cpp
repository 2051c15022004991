#include "hdf5/layers.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "dump/layer_shapes.hpp"
#include "hdf5/attributes.hpp"
#include "hdf5/dataset.hpp"
#include "hdf5/dtype.hpp"
#include "hdf5/meaning.hpp"
#include "hdf5/misspelt.hpp"

namespace collapscope::hdf5 {

namespace {

NamedLayout parse_layout(const std::string& text, const Place& place) {
  if (const auto layout = find_layout(text)) {
    return *layout;
  }
  throw InputError(
      place.file, place.object,
      fmt::format(
          R"(attribute 'layout': found "{}"; expected "NTD", "NCHW", "NHWC", "NCL", "NCDHW" or "NDHWC")",
          printable(text)));
}

Layout default_layout(const DatasetIndex& activations, const Place& place) {
  switch (activations.shape.size()) {
    case 2:
      return Layout::rows;
    case 3:
      return Layout::ntd;
    case 4:
    case 5:
      return Layout::nchw;
    default:
      throw InputError(
          place.file, place.object,
          fmt::format("found activations of shape {}; expected [N, d], [N, T, d], [N, C, H, W], [N, H, W, C] "
                      "or [N, C, D, H, W]{}",
                      shape_text(activations.shape),
                      activations.shape.size() == 1 ? "; a single feature takes the shape [N, 1]" : ""));
  }
}

// Where an attribute stands, and whether its place belongs to a dump.
struct SaidPlace {
  Place place;
  bool is_dump = true;
};

// What is told of a layer beside what it is.
using Remarks = std::vector<Failure>;

void remark(Remarks& remarks, const Place& place, std::string text) {
  remarks.push_back({place.file, place.object, std::move(text)});
}

NamedLayout fitting_layout(const std::string& text, const DatasetIndex& activations, const Place& place) {
  const NamedLayout named = parse_layout(text, place);
  const std::size_t axes = activations.shape.size();
  if (named.axes != axes) {
    throw InputError(
        place.file, place.object,
        fmt::format("attribute 'layout' is {}: found activations of shape {}, expected {} axes",
                    layout_name(named.layout, named.axes), shape_text(activations.shape), named.axes));
  }
  return named;
}

// What read() makes of an attribute of the activations themselves. There it may be anybody's: what cannot be
// heeded is told, and in a file that was not written for us not even that.
template <class Read>
auto own_word(const SaidPlace& own, Remarks& remarks, const Read& read) -> decltype(read()) {
  try {
    return read();
  } catch (const InputError& error) {
    if (own.is_dump) {
      remark(remarks, own.place, error.message() + "; it is not heeded");
    }
    return std::nullopt;
  }
}

template <class Name>
[[noreturn]] void refuse_contradiction(const char* attribute, const Name& of_group, const Name& of_dataset,
                                       const Place& group, const Place& dataset) {
  throw InputError(group.file, group.object,
                   fmt::format(R"(attribute '{}': found "{}", and "{}" on {}; expected one of them)",
                               attribute, of_group, of_dataset, printable(dataset.object)));
}

// The user's layout where it fits, else the file's, else by the number of axes.
Layout choose_layout(const LayerIndex& layer, const std::optional<NamedLayout>& said,
                     const std::optional<NamedLayout>& wanted, const Place& place, Remarks& remarks) {
  const Layout by_axes = default_layout(layer.activations, place);
  if (!wanted || wanted->axes != layer.activations.shape.size()) {
    return said ? said->layout : by_axes;
  }
  if (said && said->layout != wanted->layout) {
    remark(remarks, place,
           fmt::format("attribute 'layout': found \"{}\"; --layout {} is taken",
                       layout_name(said->layout, said->axes), layout_name(wanted->layout, wanted->axes)));
  }
  return wanted->layout;
}

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

// layout and pool: the group says them, or its activations do.
void read_shape_attributes(const Attributes& group, const Place& place, const Object& activations,
                           const SaidPlace& own, const IndexOptions& options, LayerIndex& layer,
                           Remarks& remarks) {
  constexpr std::array names{"layout", "pool"};
  const Attributes attributes(activations.id.get(), own.place, names);
  const auto own_layout = own_word(own, remarks, [&]() -> std::optional<NamedLayout> {
    const auto text = attributes.text("layout");
    return text ? std::optional(fitting_layout(*text, layer.activations, own.place)) : std::nullopt;
  });
  const auto own_pool = own_word(own, remarks, [&] { return pool_attribute(attributes, own.place); });
  const auto group_pool = pool_attribute(group, place);
  if (group_pool && own_pool && group_pool != own_pool) {
    refuse_contradiction("pool", pool_name(*group_pool), pool_name(*own_pool), place, own.place);
  }
  layer.pool = group_pool ? group_pool : own_pool;
  std::optional<NamedLayout> said = own_layout;
  const auto& wanted = options.naming.layout;
  if (const auto text = group.text("layout")) {
    const bool user_says = wanted && wanted->axes == layer.activations.shape.size();
    const auto of_group = user_says ? find_layout(*text) : fitting_layout(*text, layer.activations, place);
    if (of_group && own_layout && of_group->layout != own_layout->layout && !user_says) {
      refuse_contradiction("layout", layout_name(of_group->layout, of_group->axes),
                           layout_name(own_layout->layout, own_layout->axes), place, own.place);
    }
    said = of_group ? of_group : own_layout;
  }
  layer.layout = choose_layout(layer, said, wanted, place, remarks);
}

void read_attributes(FileSet& files, const Object& checkpoint, const LayerParts& parts,
                     const Object& activations, const IndexOptions& options, LayerIndex& layer,
                     Remarks& remarks) {
  const SaidPlace own{files.place(activations), !parts.group.empty()};
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
  read_shape_attributes(attributes, place, activations, own, options, layer, remarks);
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
