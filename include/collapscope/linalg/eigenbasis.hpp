// Eigenpairs of a symmetric positive semi-definite matrix, largest first.
#pragma once

#include <cstddef>
#include <vector>

#include "collapscope/core/matrix.hpp"

namespace collapscope {

// All d pairs, or the k largest and what is known of the rest.
struct Eigenbasis {
  std::vector<double> values;  // [k] descending; negative rounding is set to 0
  Matrix vectors;              // [k, d], orthonormal rows; row j belongs to values[j]
  double rest_trace = 0;       // sum of the eigenvalues that are not in `values`
  double rest_norm = 0;        // root of the sum of their squares
  bool complete = false;       // those that are not in `values` are 0

  [[nodiscard]] std::size_t size() const { return values.size(); }
  // Whether all eigenvalues are known.
  [[nodiscard]] bool is_full() const { return complete || values.size() == vectors.cols(); }
};

}  // namespace collapscope
