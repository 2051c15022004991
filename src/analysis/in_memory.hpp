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

// Throws UsageError where an accumulator cannot have these.
void check_layers(const std::vector<AccumulatedLayer>& layers, std::size_t targets);

}  // namespace collapscope
