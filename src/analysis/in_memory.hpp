// What an accumulator has in memory, described as if it lay in a dump.
#pragma once

#include <vector>

#include "collapscope/analysis/accumulator.hpp"

namespace collapscope {

[[nodiscard]] RowFormat format_in_memory(std::size_t features, ElementType element);
[[nodiscard]] LayerIndex described(const AccumulatedLayer& layer, std::uint64_t rows);
[[nodiscard]] Checkpoint described(const AccumulatedCheckpoint& about, std::uint64_t rows,
                                   const std::vector<AccumulatedLayer>& layers, std::size_t targets,
                                   ElementType target_element);

// Makes it one of a classification.
void describe_classes(CheckpointIndex& checkpoint, const AccumulatedCheckpoint& about);

// Throws UsageError where an accumulator cannot have these.
[[nodiscard]] std::vector<AccumulatedLayer> checked(std::vector<AccumulatedLayer> layers,
                                                    const AccumulatedTargets& targets);

}  // namespace collapscope
