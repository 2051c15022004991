// The weight of the layer that follows, beside a layer's own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/layer_format.hpp"
#include "collapscope/analysis/analysis.hpp"

namespace collapscope {

// Bytes that comparing the two takes; 0 where there is nothing to compare.
[[nodiscard]] double next_weight_memory(const std::vector<LayerIndex>& shards, const LayerPlan& plan);

// Sets `balance`, or why there is none. With the next weight from the dump, where the plan says so.
void compare_with_next(LayerWeight& weight, const std::vector<LayerIndex>& shards, const LayerPlan& plan);
// With this one; empty: there is none.
void compare_with_next(LayerWeight& weight, const Matrix& next);

}  // namespace collapscope
