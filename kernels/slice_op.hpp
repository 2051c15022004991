// Sums of equal slices of one array.
#pragma once

#include <cstddef>

#include "arguments.hpp"
#include "element.hpp"

namespace collapscope::kernels {

// Over items: to[i] (+)= the sum over s of from[s * size + i].
struct SumSlices {
  double* to;
  const double* from;
  std::size_t slices;
  std::size_t size;
  bool adds;

  COLLAPSCOPE_HOST_DEVICE std::size_t count() const { return size; }
  [[nodiscard]] Traffic traffic() const { return traffic_of((slices + (adds ? 1 : 0)) * size, size); }
  COLLAPSCOPE_HOST_DEVICE void operator()(std::size_t i) const {
    double sum = 0;
    for (std::size_t s = 0; s < slices; ++s) {
      sum += from[s * size + i];
    }
    to[i] = adds ? to[i] + sum : sum;
  }
};

}  // namespace collapscope::kernels
