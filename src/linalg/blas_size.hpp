// Sizes as the BLAS counts them.
#pragma once

#include <cstddef>
#include <limits>

#include "collapscope/core/error.hpp"

namespace collapscope::linalg {

[[nodiscard]] inline int narrow(std::size_t size) {
  if (size > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw UsageError("a matrix is too large for the 32-bit BLAS interface");
  }
  return static_cast<int>(size);
}

}  // namespace collapscope::linalg
