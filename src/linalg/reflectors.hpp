// A symmetric matrix reduced to tridiagonal form, A = Q T Q^T, and Q as the reflectors that it is a product
// of.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "linalg/bulge_chasing.hpp"

namespace collapscope::linalg {

// Q of order d, applied in blocks of reflectors: Q x takes 2 d^2 operations, or 4 d^2 where the matrix was
// reduced in two steps. Threads share out the rows x.
class Reflectors {
 public:
  static constexpr std::size_t at_once = 32;  // reflectors in a block
  [[nodiscard]] static std::size_t blocks_of(std::size_t count) { return (count + at_once - 1) / at_once; }

  // What LAPACK's dsytrd leaves of a lower triangle, and its factors tau.
  Reflectors(Matrix reduced, const std::vector<double>& tau);
  // What reduce_to_band and chase_bulges leave. `blocks`: the triangular factor of each block of the first
  // step's reflectors, column-major, one below the other.
  Reflectors(Matrix reduced, Matrix blocks);

  // Each row x [d] becomes Q x or, transposed, Q^T x.
  void apply(Matrix& rows) const { apply(rows, false); }
  void apply_transposed(Matrix& rows) const { apply(rows, true); }

 private:
  [[nodiscard]] std::size_t count() const { return reduced_.rows() - below_; }
  [[nodiscard]] const double* reflector(std::size_t i) const;
  void apply(Matrix& rows, bool transposed) const;
  void apply_blocks(MatrixView<double> rows, bool transposed) const;

  Matrix reduced_;     // column-major
  std::size_t below_;  // reflector i is 0 in its first i + below_ numbers; 1: there was one step
  Matrix blocks_;
};

// A symmetric matrix A = Q T Q^T.
struct TridiagonalForm {
  Tridiagonal t;
  Reflectors q;
};

// symmetric: finite, of order d >= 1 and a norm near 1; its memory is used. nullopt: LAPACK gave up. Same
// bits for any number of threads.
[[nodiscard]] std::optional<TridiagonalForm> tridiagonal_form(Matrix symmetric);

}  // namespace collapscope::linalg
