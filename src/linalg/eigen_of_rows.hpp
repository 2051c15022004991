// The eigenpairs of X^T X for few rows X, in the space that they span.
#pragma once

#include <cstddef>
#include <functional>

#include "collapscope/core/matrix.hpp"
#include "collapscope/linalg/eigenbasis.hpp"

namespace collapscope::linalg {

// All eigenpairs of a symmetric matrix, checked.
using EigenSolver = std::function<Eigenbasis(const Matrix& symmetric)>;

// rows [N, d], N <= d: as many eigenpairs as there are rows, or `pairs` <= d where that is more; of all
// others the eigenvalues are 0, and the basis is complete. X^T = Q R with orthonormal Q, so those of R R^T
// [N, N] are turned by Q: N^2 d operations, and vectors that are orthonormal however small their eigenvalues
// are. Checked as symmetric_eigen's. Throws NumericalError.
[[nodiscard]] Eigenbasis eigen_of_rows(const Matrix& rows, std::size_t pairs, const EigenSolver& solve);

}  // namespace collapscope::linalg
