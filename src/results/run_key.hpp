// What makes checkpoints a run.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "collapscope/dump/dump.hpp"
#include "collapscope/results/results.hpp"

namespace collapscope {

// Which samples a checkpoint was measured on, by the attribute `split`: "train", "test"; empty: it does not
// say.
[[nodiscard]] std::string split_of(const std::vector<std::pair<std::string, AttributeValue>>& attributes);

// Equal for the checkpoints of a run: those with the same `run` and the same `split`, or, without a run,
// those of one file. Empty for a checkpoint that belongs to no run.
[[nodiscard]] std::string run_key(const CheckpointIndex& checkpoint);
[[nodiscard]] std::string run_key(const CheckpointResult& checkpoint);

}  // namespace collapscope
