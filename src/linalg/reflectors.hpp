// The orthogonal factor of a reduction to tridiagonal form, as the reflectors that it is a product of.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "collapscope/core/matrix.hpp"

namespace collapscope::linalg {

// Q = H_1 H_2 ... of order d, multiplied out in blocks of reflectors only: Q x takes 2 d^2 operations.
// Threads share out the rows x.
class Reflectors {
 public:
  // What LAPACK's dsytrd leaves of a lower triangle, and its factors tau.
  Reflectors(Matrix reduced, const std::vector<double>& tau);

  // Each row x [d] becomes Q x or, transposed, Q^T x.
  void apply(Matrix& rows) const { apply(rows, false); }
  void apply_transposed(Matrix& rows) const { apply(rows, true); }

 private:
  void apply(Matrix& rows, bool transposed) const;
  void apply_block(std::size_t first, MatrixView<double> rows, bool transposed,
                   std::vector<double>& work) const;

  Matrix reduced_;  // column-major
  Matrix blocks_;   // the triangular factor of each block of reflectors, column-major, one below the other
};

// A symmetric matrix A = Q T Q^T.
struct TridiagonalForm {
  std::vector<double> diagonal;  // of T
  std::vector<double> beside;    // the d - 1 numbers beside it
  Reflectors q;
};

// symmetric: finite, of order d >= 1; its memory is used. nullopt: LAPACK gave up.
[[nodiscard]] std::optional<TridiagonalForm> tridiagonal_form(Matrix symmetric);

}  // namespace collapscope::linalg
