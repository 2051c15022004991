// What of a scatter takes products of matrices, whether it is a matrix or rows.
#pragma once

#include <cstddef>

#include "collapscope/core/scatter.hpp"

namespace collapscope::linalg {

// |.|_F^2
[[nodiscard]] double square_norm(const Matrix& a);
[[nodiscard]] double square_norm(const Scatter& scatter);
// |.|_F of its first `count` rows and columns.
[[nodiscard]] double leading_norm(const Scatter& scatter, std::size_t count);
// tr(A S A^T), A [r, d].
[[nodiscard]] double trace_along(const Matrix& a, const Scatter& scatter);
// S /= divisor > 0
void divide(Scatter& scatter, double divisor);

}  // namespace collapscope::linalg
