// The eigenpairs of a matrix plus the outer product of a vector, from those of the matrix: d^2 operations and
// a check, where a decomposition takes d^3.
#pragma once

#include <optional>
#include <vector>

#include "collapscope/linalg/eigenbasis.hpp"

namespace collapscope::linalg {

// All eigenpairs of B + x x^T, largest first, from all pairs (l_j, v_j) of B, in the coordinates of the v_j:
// row i of `vectors` holds v_j^T u_i. nullopt when a root of the secular equation is not found or the
// result fails the check that symmetric_eigen's must pass.
// LAPACK's dlaed4 solves the secular equation, between deflation and eigenvectors as in Gu, Eisenstat: A
// stable and efficient algorithm for the rank-one modification of the symmetric eigenproblem, SIAM J. Matrix
// Anal. Appl. 15 (1994). basis: full; x [d], in its span.
[[nodiscard]] std::optional<Eigenbasis> rank_one_update(const Eigenbasis& basis,
                                                        const std::vector<double>& x);

}  // namespace collapscope::linalg
