// Rows of numbers along the vectors of an eigenbasis, and back, whether they are written out or factors.
#pragma once

#include "collapscope/core/matrix.hpp"
#include "collapscope/linalg/eigenbasis.hpp"

namespace collapscope::linalg {

// rows [n, d]: (i, j) of the result [n, k] is x_i^T v_j.
[[nodiscard]] Matrix coordinates(const Eigenbasis& basis, const Matrix& rows);

// coordinates [n, k]: row i of the result [n, d] is the sum over j of c_ij v_j.
[[nodiscard]] Matrix combinations(const Eigenbasis& basis, const Matrix& coordinates);

[[nodiscard]] Matrix transposed(const Matrix& a);

}  // namespace collapscope::linalg
