// Rows that have to be measured by their own scale, on the host and on devices.
//
// About the mean, a row that is small against it has no digits left, and a tiny row's squares leave the range
// of float64. Such a row is taken as it is, times the power of two that brings its norm near 1, so that its
// share outside a subspace has the digits of any other row's.
#pragma once

#include <cmath>

#include "element.hpp"

namespace collapscope::kernels {

// Below it squares are too small to be compared.
inline constexpr double least_norm = 1e-140;

// Of a row h that is not 0, given |h| and |h - mean|.
COLLAPSCOPE_HOST_DEVICE inline bool needs_own_scale(double norm, double centred_norm) {
  return norm > 0 && (norm < centred_norm / 8 || norm < least_norm);
}

}  // namespace collapscope::kernels
