// Whether a layer's weight and bias fit its activations.
#pragma once

#include <string>

#include "collapscope/dump/dump.hpp"

namespace collapscope {

// What was found and expected, empty when it fits. The axis of layer.weight that meets the activations must
// have their length; the other one gives the outputs.
[[nodiscard]] std::string weight_misfit(const LayerIndex& layer);
// The same of layer.bias: [m], the weight's outputs where there is a weight.
[[nodiscard]] std::string bias_misfit(const LayerIndex& layer);

}  // namespace collapscope
