// What storing the features or targets has rounded.
#pragma once

#include <cstddef>
#include <vector>

#include "collapscope/dump/dump.hpp"

namespace collapscope {

// The unit roundoff that stands for the type's rounding and for what was lost in storage: that of the least
// exact shard. The steps of float16 below its smallest normal number count where features are as small. A
// step q leaves noise of variance q^2 / 12 in each of `features` numbers of a row, whose mean square is
// `mean_square`; u leaves u^2 / 3 of the square.
[[nodiscard]] double stored_roundoff(const std::vector<const DatasetIndex*>& shards, std::size_t features,
                                     double mean_square);

}  // namespace collapscope
