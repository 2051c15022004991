// The unbiased HSIC of linear kernels from moments, the unbiased square of the variance, and what rounding
// may do to the CKA and the participation ratio made of them.
#pragma once

#include "collapscope/core/moments.hpp"

namespace collapscope {

// N (N - 3) HSIC_1 of a layer's features x with themselves, with the targets y, and of these: Song et al.
// 2012. What is within the sums' rounding is 0.
struct UnbiasedHsic {
  double xx = 0;
  double xy = 0;
  double yy = 0;
  // What float64's rounding may move xy / sqrt(xx yy) by. Each of the three is a difference of fourth-order
  // sums: where one row or one coordinate outweighs all others, hardly anything is left of them.
  double cka_rounding = 0;
  // Chun et al. 2026, to the scale of xx: the square of the features' variance, of which tr S_HH is no
  // unbiased root. traces / xx is their participation ratio.
  double traces = 0;
  double participation_rounding = 0;  // of traces / xx, relative
};

// All 0 for N <= 3. Of moments with classes, the targets are their one-hot labels.
[[nodiscard]] UnbiasedHsic unbiased_hsic(const Moments& moments);

}  // namespace collapscope
