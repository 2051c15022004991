// A symmetric matrix reduced to a band, A = Q B Q^T, by products of matrices: the first of two steps to
// tridiagonal form. In one step half of the work is products with vectors, which wait for memory.
#pragma once

#include <cstddef>

#include "collapscope/core/matrix.hpp"

namespace collapscope::linalg {

inline constexpr std::size_t band_width = 32;  // numbers beside the diagonal

// B is 0 further than band_width from the diagonal. On and above the diagonal `a` becomes B and, where B is
// 0, the reflectors of Q, row i those of step i; what is below is used up. a: [d, d], d > band_width, finite,
// both triangles. Returns the triangular factor of each block of reflectors (see Reflectors). Threads share
// out the products; no bit depends on them. Bischof, Lang, Sun (2000): A framework for symmetric band
// reduction.
[[nodiscard]] Matrix reduce_to_band(MatrixView<double> a);

}  // namespace collapscope::linalg
