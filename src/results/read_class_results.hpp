// From a JSON tree to results of each class; what they cannot be is refused.
#pragma once

#include <cstdint>
#include <vector>

#include "collapscope/results/class_results.hpp"
#include "json/json_place.hpp"

namespace collapscope {

[[nodiscard]] CheckpointClasses classes_of_checkpoint(const JsonPlace& place);
[[nodiscard]] LayerClasses classes_of_layer(const JsonPlace& place);

// Throws InputError unless the nearest class of each one, in a layer's results, is another one with such a
// label. There are as many labels as classes.
void require_labels(const JsonPlace& place, const std::vector<std::int64_t>& labels);

}  // namespace collapscope
