// The eigenpairs of a covariance of few rows: of all others it is known that they are 0.
#pragma once

#include <cstddef>
#include <optional>

#include "collapscope/core/matrix.hpp"
#include "collapscope/linalg/eigenbasis.hpp"

namespace collapscope::linalg {

// `pairs` eigenpairs of a symmetric positive semi-definite matrix of order d whose rank is at least 8 below
// `pairs`: d^2 pairs operations where all pairs take d^3. The basis is complete; nullopt: the pairs do not
// pass the check of `complete_leading`, or there are more that are not 0.
// Products with random vectors span the range (Halko, Martinsson, Tropp: Finding structure with randomness,
// SIAM Review 53, 2011), in which the matrix is then decomposed.
[[nodiscard]] std::optional<Eigenbasis> low_rank_eigen(const Matrix& symmetric, std::size_t pairs);

}  // namespace collapscope::linalg
