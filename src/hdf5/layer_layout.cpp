#include "hdf5/layer_layout.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

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
auto own_word(const Place& own, bool is_dump, Remarks& remarks, const Read& read) -> decltype(read()) {
  try {
    return read();
  } catch (const InputError& error) {
    if (is_dump) {
      remark(remarks, own, error.message() + "; it is not heeded");
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

}  // namespace

void read_layout(const GroupSays& group, const Object& activations, const Place& place,
                 const IndexOptions& options, LayerIndex& layer, std::vector<Failure>& remarks) {
  constexpr std::array names{"layout", "pool"};
  const Attributes own(activations.id.get(), place, names);
  const auto own_layout = own_word(place, group.is_dump, remarks, [&]() -> std::optional<NamedLayout> {
    const auto text = own.text("layout");
    return text ? std::optional(fitting_layout(*text, layer.activations, place)) : std::nullopt;
  });
  const auto own_pool = own_word(place, group.is_dump, remarks, [&] { return pool_attribute(own, place); });
  const auto group_pool = pool_attribute(group.attributes, group.place);
  if (group_pool && own_pool && group_pool != own_pool) {
    refuse_contradiction("pool", pool_name(*group_pool), pool_name(*own_pool), group.place, place);
  }
  layer.pool = group_pool ? group_pool : own_pool;
  std::optional<NamedLayout> said = own_layout;
  const auto& wanted = options.naming.layout;
  if (const auto text = group.attributes.text("layout")) {
    const bool user_says = wanted && wanted->axes == layer.activations.shape.size();
    const auto of_group =
        user_says ? find_layout(*text) : fitting_layout(*text, layer.activations, group.place);
    if (of_group && own_layout && of_group->layout != own_layout->layout && !user_says) {
      refuse_contradiction("layout", layout_name(of_group->layout, of_group->axes),
                           layout_name(own_layout->layout, own_layout->axes), group.place, place);
    }
    said = of_group ? of_group : own_layout;
  }
  layer.layout = choose_layout(layer, said, wanted, group.place, remarks);
}

}  // namespace collapscope::hdf5
