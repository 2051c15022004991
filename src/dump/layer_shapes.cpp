#include "dump/layer_shapes.hpp"

#include <fmt/format.h>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope {

namespace {

struct Extents {
  std::uint64_t channels;
  std::uint64_t positions;
};

Extents extents_of(const LayerIndex& layer) {
  const std::vector<std::uint64_t>& shape = layer.activations.shape;
  switch (layer.layout) {
    case Layout::rows:
      return {shape[1], 1};
    case Layout::ntd:
      return {shape[2], shape[1]};
    case Layout::nchw:
      return {shape[1], shape[2] * shape[3]};
    case Layout::nhwc:
      return {shape[3], shape[1] * shape[2]};
  }
  throw UsageError("unknown layout");
}

}  // namespace

std::string weight_misfit(const LayerIndex& layer) {
  const std::vector<std::uint64_t>& shape = layer.weight->shape;
  const Extents extents = extents_of(layer);
  const std::uint64_t flat = extents.channels * extents.positions;
  bool fits = false;
  if (shape.size() == 2) {
    const std::uint64_t inputs = shape[layer.weight_transposed ? 0 : 1];
    fits = inputs == extents.channels || inputs == flat;
  } else if (shape.size() == 4 && !layer.weight_transposed) {
    fits = shape[1] == extents.channels;
  }
  if (fits) {
    return "";
  }
  const std::string lengths =
      flat == extents.channels ? fmt::format("{}", flat) : fmt::format("{} or {}", extents.channels, flat);
  return fmt::format("found a weight of shape {}; expected {} with d = {}{} for activations of shape {}",
                     shape_text(shape), layer.weight_transposed ? "[d, m]" : "[m, d]", lengths,
                     layer.weight_transposed ? "" : fmt::format(", or [m, {}, kh, kw]", extents.channels),
                     shape_text(layer.activations.shape));
}

std::string bias_misfit(const LayerIndex& layer) {
  const std::vector<std::uint64_t>& shape = layer.bias->shape;
  std::optional<std::uint64_t> outputs;
  if (layer.weight) {
    outputs = layer.weight->shape[layer.weight_transposed ? 1 : 0];
  }
  if (shape.size() == 1 && (!outputs || shape[0] == *outputs)) {
    return "";
  }
  return fmt::format(
      "found a bias of shape {}; expected [{}]{}", shape_text(shape),
      outputs ? fmt::format("{}", *outputs) : "m",
      outputs ? fmt::format(" as the weight has shape {}", shape_text(layer.weight->shape)) : "");
}

}  // namespace collapscope
