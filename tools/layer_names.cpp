#include "layer_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "words.hpp"

namespace collapscope::tools {

namespace {

constexpr std::string_view nothing_selected = "no layer is selected by --layers";  // how the index says it

bool fits_a_layer(const std::string& glob, const DumpIndex& index) {
  return std::ranges::any_of(index.checkpoints, [&](const CheckpointIndex& checkpoint) {
    const auto fits = [&](const std::string& name) { return name == glob || glob_match(glob, name); };
    return std::ranges::any_of(checkpoint.layers, fits, &LayerIndex::name) ||
           std::ranges::any_of(checkpoint.failed_layers, fits, &FailedLayer::name);
  });
}

std::vector<std::string> layers_of(const std::string& dump, IndexOptions options) {
  options.layers.clear();
  std::vector<std::string> names;
  for (const CheckpointIndex& checkpoint : index_dumps({dump}, options).checkpoints) {
    for (const LayerIndex& layer : checkpoint.layers) {
      if (std::ranges::find(names, layer.name) == names.end()) {
        names.push_back(layer.name);
      }
    }
  }
  return names;
}

}  // namespace

void tell_failures(const DumpIndex& index, const std::vector<std::string>& dumps, const IndexOptions& options,
                   const std::function<void(const std::string&)>& say) {
  std::vector<std::string> without;
  for (const Failure& failure : index.failures) {
    if (failure.message.starts_with(nothing_selected)) {
      without.push_back(failure.path);
    } else {
      say(InputError(failure.path, failure.object, failure.message).what());
    }
  }
  std::vector<std::string> unknown;
  std::ranges::copy_if(options.layers, std::back_inserter(unknown),
                       [&](const std::string& glob) { return !fits_a_layer(glob, index); });
  if (dumps.empty() || (unknown.empty() && without.empty())) {
    return;
  }
  const std::string& dump = without.empty() ? dumps.front() : without.front();
  const std::vector<std::string> names = layers_of(dump, options);
  constexpr std::size_t most = 12;
  const std::string there =
      names.empty() ? "" : fmt::format(" {} has {}", printable(dump), first_of(names, most));
  const std::string stop = names.empty() ? "" : ";";
  for (const std::string& glob : unknown) {
    std::string word = glob;
    std::erase_if(word, [](char c) { return c == '*' || c == '?' || c == '[' || c == ']'; });
    const std::string hint = did_you_mean(word, names);
    say(fmt::format("--layers: '{}' fits no layer{}{}", printable(glob), hint.empty() ? stop : hint, there));
  }
  if (!without.empty() && unknown.size() < options.layers.size()) {
    say(fmt::format("--layers: {} of {} dumps have none of these layers{}{}", without.size(), dumps.size(),
                    stop, there));
  }
}

}  // namespace collapscope::tools
