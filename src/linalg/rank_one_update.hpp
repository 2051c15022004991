// The eigenpairs of a matrix plus the outer product of a vector, from those of the matrix: d^2 operations and
// a check, where a decomposition takes d^3.
#pragma once

#include <optional>
#include <vector>

#include "collapscope/linalg/eigenbasis.hpp"

namespace collapscope::linalg {

// All eigenpairs of B + x x^T, largest first, from all pairs (l_j, v_j) of B, in the coordinates of the v_j
// and as factors only: component j of vector i is v_j^T u_i. nullopt when a root of the secular equation is
// not found or the result fails the check that symmetric_eigen's must pass. basis: full; x [d], in its span.
[[nodiscard]] std::optional<Eigenbasis> rank_one_update(const Eigenbasis& basis,
                                                        const std::vector<double>& x);

}  // namespace collapscope::linalg
