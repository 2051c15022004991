// Weights that are kept outside of the dumps, in safetensors files.
#pragma once

#include <string>
#include <vector>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/dump/dump.hpp"

namespace collapscope {

// Where weights are, and what they are called there.
struct WeightsNaming {
  // {name} stands for the dump's file name without its extension, {checkpoint} for the checkpoint's name in
  // the dump.
  std::string file;
  // Names of tensors: {layer} stands for the layer's name, without the #2 of a module's second call.
  std::string weight = "{layer}.weight";
  std::string bias = "{layer}.bias";
  bool transposed = false;  // weights are stored [d, m]
  std::string layout = {};  // of convolutions' weights with as many axes: "HWIO"; empty: by their shape
};

struct FoundWeights {
  std::vector<Failure> failures;   // layers and checkpoints that were taken out
  std::vector<std::string> notes;  // which layers have no weight there
};

// Gives all layers their weights [m, d], [m, C, kh, kw] or [m, C, k], and biases [m], from safetensors files
// in place of what the dumps hold. A layer whose weight does not fit, and a checkpoint whose file cannot be
// used or has a weight for none of its layers, is taken out. Only the files' headers are read. Throws
// UsageError when two checkpoints would get the same file.
[[nodiscard]] FoundWeights use_weights(std::vector<Checkpoint>& checkpoints, const WeightsNaming& naming);

}  // namespace collapscope
