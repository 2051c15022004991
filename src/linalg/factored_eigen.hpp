// All eigenvalues of a symmetric matrix, and its eigenvectors as factors: half the time of writing them out.
#pragma once

#include <cstddef>
#include <optional>

#include "collapscope/core/matrix.hpp"
#include "collapscope/linalg/eigenbasis.hpp"

namespace collapscope::linalg {

// All eigenvalues, largest first, and the vectors of the `written` largest; the others at least as factors.
// Of small orders, where most are to be written out, and where the factors do not pass the check, all are.
// Negative eigenvalues are kept. Throws as symmetric_eigen.
[[nodiscard]] Eigenbasis factored_eigen(const Matrix& symmetric, std::size_t written);

// The same of every order >= 1, by factors Q Z of A = Q T Q^T, T = Z L Z^T tridiagonal. nullopt: they do not
// pass the check that symmetric_eigen's vectors must pass, or A is not finite.
[[nodiscard]] std::optional<Eigenbasis> eigen_by_factors(const Matrix& symmetric, std::size_t written);

}  // namespace collapscope::linalg
