// Which layers of a checkpoint are measured, and in which order.
#pragma once

#include <string>
#include <vector>

#include "collapscope/dump/dump.hpp"

namespace collapscope {

// Those whose name matches one of the globs, all without globs; as their bytes lie in the file, so that a
// disk or a file system that reads ahead is read through once. Where that is not known: at the end, as they
// come.
[[nodiscard]] std::vector<const LayerIndex*> layers_in_file_order(const CheckpointIndex& checkpoint,
                                                                  const std::vector<std::string>& globs);

}  // namespace collapscope
