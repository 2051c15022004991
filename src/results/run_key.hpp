// What makes checkpoints a run.
#pragma once

#include <string>

#include "collapscope/dump/dump.hpp"
#include "collapscope/results/results.hpp"

namespace collapscope {

// Equal for the checkpoints of a run: those with the same `run`, or, without one, those of one file. Empty
// for a checkpoint that belongs to no run.
[[nodiscard]] std::string run_key(const CheckpointIndex& checkpoint);
[[nodiscard]] std::string run_key(const CheckpointResult& checkpoint);

}  // namespace collapscope
