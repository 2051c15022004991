// Numbers whose squares float64 does not hold.
#pragma once

#include "collapscope/dump/dump.hpp"

namespace collapscope {

// Reads the dataset, after a computation with it has failed. Throws InputError when it has a number too large
// to square, with its row, or none large enough.
void refuse_extremes(const DatasetIndex& dataset);

}  // namespace collapscope
