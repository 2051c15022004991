// Whether a layer's weight and bias fit its activations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collapscope/dump/dump.hpp"

namespace collapscope {

// A sample's channels (or features), and its positions: T, H * W; 1 for rows.
struct SampleExtents {
  std::uint64_t channels = 0;
  std::uint64_t positions = 1;
};
[[nodiscard]] SampleExtents sample_extents(const LayerIndex& layer);

// "OIHW", "OIW", "HWIO" and the like: the order of a weight's axes and their number; nullopt: no such name.
struct NamedKernel {
  KernelOrder order = KernelOrder::unsaid;
  std::size_t axes = 0;
};
[[nodiscard]] std::optional<NamedKernel> find_kernel(std::string_view text);

// What was found and expected, empty when it fits. The axis of layer.weight that meets the activations must
// have their length; the other one gives the outputs. Sets layer.kernel_order where nobody has said it and
// only one order can be meant.
[[nodiscard]] std::string weight_misfit(LayerIndex& layer);
// The same of layer.bias: [m], the weight's outputs where there is a weight.
[[nodiscard]] std::string bias_misfit(const LayerIndex& layer);

}  // namespace collapscope
