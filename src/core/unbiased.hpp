// Moving the fourth-order sums of `Moments` from one centre to another.
#pragma once

#include "collapscope/core/moments.hpp"
#include "core/vector_math.hpp"

namespace collapscope {

// The fourth-order sums of `part` with every x displaced to x + shift_x and y' to y' + shift_y.
[[nodiscard]] UnbiasedSums displaced(const Moments& part, const Vector& shift_x, const Vector& shift_y);

// The inverse: `sums` were taken about a provisional centre, about which the means lie at shift_x, shift_y;
// the result is about the means. Reads the scatters and the count of `part`, not its fourth-order sums.
[[nodiscard]] UnbiasedSums recentred(UnbiasedSums sums, const Moments& part, const Vector& shift_x,
                                     const Vector& shift_y, const Sharing& sharing = {});

}  // namespace collapscope
