#include "hdf5/checkpoint_remarks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "hdf5/misspelt.hpp"

namespace collapscope::hdf5 {

namespace {

Failure remark_at(const Place& place, std::string text) {
  return {place.file, place.object, std::move(text)};
}

// A pattern that finds nothing for some of the layers.
void remark_on_missing(const CheckpointIndex& checkpoint, const std::string& pattern,
                       std::optional<DatasetIndex> LayerIndex::*part, const char* what, const Place& place,
                       std::vector<Failure>& remarks) {
  const auto has_none = [&](const LayerIndex& layer) { return !(layer.*part); };
  const auto count = std::ranges::count_if(checkpoint.layers, has_none);
  if (!pattern.empty() && count > 0) {
    const LayerIndex& first = *std::ranges::find_if(checkpoint.layers, has_none);
    remarks.push_back(
        remark_at(place, fmt::format("no {} at '{}' for {} of {} layers, first {}", what, printable(pattern),
                                     count, checkpoint.layers.size(), printable(first.name))));
  }
}

}  // namespace

void remark_on_attributes(const CheckpointIndex& checkpoint, const Attributes& attributes, const Place& place,
                          std::vector<Failure>& remarks) {
  const auto counts_steps = [&](const auto& attribute) {
    return may_be_meant(attribute.first, "step") && checkpoint.number(attribute.first);
  };
  const auto other = std::ranges::find_if(checkpoint.attributes, counts_steps);
  if (!checkpoint.step && other != checkpoint.attributes.end()) {
    remarks.push_back(remark_at(
        place, fmt::format("attribute '{}': found, but no 'step', which orders the checkpoints of a run",
                           printable(other->first))));
  }
  for (const auto& [name, found] : attributes.long_texts()) {
    remarks.push_back(remark_at(
        place, fmt::format("attribute '{}': found {}; expected at most 64 KiB; it is left out of the results",
                           printable(name), found)));
  }
  for (const char* name : {"lambda_w", "lambda_h"}) {
    try {
      if (const auto value = attributes.number(name); value && *value < 0) {
        remarks.push_back(remark_at(
            place, fmt::format("attribute '{}': found {}; expected a number from 0 on; it is not heeded",
                               name, *value)));
      }
    } catch (const InputError& error) {
      remarks.push_back(remark_at(place, error.message() + "; it is not heeded"));
    }
  }
}

void remark_on_layers(const CheckpointIndex& checkpoint, const DumpNaming& naming, const Place& place,
                      std::vector<Failure>& remarks) {
  const std::vector<LayerIndex>& layers = checkpoint.layers;
  const auto last = std::ranges::find_if(layers, [](const LayerIndex& layer) { return !layer.index; });
  if (last != layers.begin() && last != layers.end()) {
    remarks.push_back(
        remark_at(place, fmt::format("{} of {} layers have no attribute 'index' and come last, first {}",
                                     layers.end() - last, layers.size(), printable(last->name))));
  }
  const auto alike = std::ranges::adjacent_find(layers, [](const LayerIndex& a, const LayerIndex& b) {
    return a.index.has_value() && a.index == b.index;
  });
  if (alike != layers.end()) {
    remarks.push_back(remark_at(
        place, fmt::format("attribute 'index': found {} in the layers {} and {}; expected another for each "
                           "layer; those with the same come in the order of their names",
                           *alike->index, printable(alike->name), printable(std::next(alike)->name))));
  }
  remark_on_missing(checkpoint, naming.weight, &LayerIndex::weight, "weight", place, remarks);
  remark_on_missing(checkpoint, naming.bias, &LayerIndex::bias, "bias", place, remarks);
}

void require_own_parameters(const std::vector<LayerParts>& layers, const DumpNaming& naming,
                            const Place& place) {
  for (const auto& [option, pattern] : {std::pair{"--weight", naming.weight}, {"--bias", naming.bias}}) {
    if (layers.size() > 1 && !pattern.empty() && pattern.find("{layer}") == std::string::npos) {
      throw InputError(place.file, place.object,
                       fmt::format("{} '{}' names one dataset for {} layers; expected {{layer}} in it, which "
                                   "stands for a layer's name, or a single layer, as --layers chooses it",
                                   option, printable(pattern), layers.size()));
    }
  }
}

}  // namespace collapscope::hdf5
