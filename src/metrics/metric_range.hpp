// Values that rounding took out of their metric's range.
#pragma once

#include <vector>

#include "collapscope/results/results.hpp"

namespace collapscope {

// A share of 1 + 2e-16 becomes 1, and a variance of -1e-20 becomes 0. What lies further outside stays: it is
// no rounding.
void round_into_range(std::vector<Metric>& metrics);

}  // namespace collapscope
