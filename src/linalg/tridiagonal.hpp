// A symmetric matrix reduced to tridiagonal form, A = Q T Q^T, by threads that share it out.
#pragma once

#include <optional>
#include <vector>

#include "collapscope/core/matrix.hpp"

namespace collapscope::linalg {

// As LAPACK's dsytrd with uplo = 'L' leaves it, in column-major order: T's diagonal and what is beside it,
// the reflectors below it in the matrix, and their factors.
struct Reduced {
  Matrix reflectors;             // [d, d]
  std::vector<double> diagonal;  // [d]
  std::vector<double> beside;    // [d - 1]
  std::vector<double> tau;       // [d - 1]
};

// d >= 1. nullopt: LAPACK gave up. Same bits for any number of threads.
[[nodiscard]] std::optional<Reduced> reduce_to_tridiagonal(Matrix symmetric);

}  // namespace collapscope::linalg
