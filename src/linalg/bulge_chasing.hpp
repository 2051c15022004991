// A symmetric band matrix reduced to tridiagonal form, B = Q T Q^T: the second of two steps.
#pragma once

#include <cstddef>
#include <vector>

#include "collapscope/core/matrix.hpp"

namespace collapscope::linalg {

// T's diagonal, and the d - 1 numbers beside it.
struct Tridiagonal {
  std::vector<double> diagonal;
  std::vector<double> beside;
};

// `a` [d, d] has B on the diagonal and up to band_width above it, of a norm near 1. What is below the
// diagonal becomes the reflectors of Q; the rest stays. Step s clears one row of the band and chases what
// this adds beyond the band off the matrix's end, by reflectors of band_width numbers each: they lie one
// behind the other in the first d - 1 - s numbers of row d - 1 - s, each with its factor in place of its
// first number, which is 1. A thread takes a step at a time, behind the one before; no bit depends on
// threads. Lang (1993): A parallel algorithm for reducing symmetric banded matrices to tridiagonal form, SIAM
// J. Sci. Comput. 14.
[[nodiscard]] Tridiagonal chase_bulges(MatrixView<double> a);

// Each row x [d], eight at most, becomes Q x or, transposed, Q^T x.
void apply_chased(MatrixView<const double> a, MatrixView<double> rows, bool transposed);

}  // namespace collapscope::linalg
