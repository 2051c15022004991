// Eigenpairs of a symmetric positive semi-definite matrix, largest first.
#pragma once

#include <cstddef>
#include <vector>

#include "collapscope/matrix.hpp"

namespace collapscope {

struct Eigenbasis {
  std::vector<double> values;  // [d] descending; negative rounding is set to 0
  Matrix vectors;              // [d, d], orthonormal rows; row j belongs to values[j]

  [[nodiscard]] std::size_t size() const { return values.size(); }
};

}  // namespace collapscope
