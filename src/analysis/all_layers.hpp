// What an analysis keeps of all layers at the same time, however small they are: what is known of them, their
// results, and the text of these.
#pragma once

#include <cstdint>
#include <vector>

#include "collapscope/analysis/analysis.hpp"

namespace collapscope {

// What is left of `memory` for one layer after another. Throws UsageError when nothing is.
[[nodiscard]] std::uint64_t memory_beside_all_layers(const std::vector<Checkpoint>& checkpoints,
                                                     const AnalysisOptions& options, std::uint64_t memory);

}  // namespace collapscope
