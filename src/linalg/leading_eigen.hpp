// The largest eigenpairs of a covariance, for those who do not need all of them, and the proof that they are
// the largest.
#pragma once

#include <cstddef>
#include <functional>

#include "collapscope/core/matrix.hpp"
#include "collapscope/linalg/eigenbasis.hpp"
#include "linalg/decompose.hpp"

namespace collapscope::linalg {

// The `pairs` largest eigenpairs of a symmetric matrix of order d, accepted by `complete_leading`; all d when
// pairs >= d, or when they are not. With pairs = 0 only what is left, everything. Throws as symmetric_eigen.
[[nodiscard]] Eigenbasis leading_eigen(const Matrix& symmetric, std::size_t pairs);

// Whether (values, vectors) are the largest eigenpairs of `symmetric`: their order, residual and
// orthogonality as of a full basis, and no eigenvalue of A - Z L Z^T above the smallest of theirs, but for
// rounding: |A - Z L Z^T|_F is not, or A - Z L Z^T minus it has a Cholesky decomposition. Then sets what is
// left. symmetric: finite.
[[nodiscard]] bool complete_leading(const Matrix& symmetric, Eigenbasis& basis);

// A - Z L Z^T, wherever it lies.
struct EigenRest {
  double trace = 0;
  double norm = 0;                             // |.|_F
  std::function<bool(double bound)> is_below;  // bound I less it is positive definite; once
};
[[nodiscard]] EigenRest rest_of(const Matrix& symmetric, const Eigenbasis& basis);
// The same of a matrix that lies elsewhere. rest: asked once the pairs have passed their check.
[[nodiscard]] bool complete_leading(const SymmetricOperator& symmetric,
                                    const std::function<EigenRest()>& rest, Eigenbasis& basis);

}  // namespace collapscope::linalg
