// Runs that ended in nothing.
#pragma once

#include <optional>
#include <vector>

#include "collapscope/runs/runs.hpp"

namespace collapscope {

// failures: those of the run. A run is dead when from some step on each of its checkpoints has features of
// the last layer that do not vary, or NaN or Inf in the predictions, in that layer, or everywhere; but for
// predictions that have it at every checkpoint.
[[nodiscard]] std::optional<Death> death_of(const Results& results, const Run& run,
                                            const std::vector<const Failure*>& failures);

}  // namespace collapscope
