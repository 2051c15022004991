// Checked decompositions: finite input before, residual and orthogonality after.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "collapscope/linalg/eigenbasis.hpp"

namespace collapscope::linalg {

// All eigenpairs of a symmetric matrix, largest first; negative eigenvalues are kept as they come.
// Tries divide and conquer, then QR iteration when that fails or its result does not pass the check.
// Throws NumericalError: input not finite, or neither driver gives a result that passes.
[[nodiscard]] Eigenbasis symmetric_eigen(const Matrix& symmetric);

// How far the pairs, all n or fewer, are from eigenpairs of `symmetric`, estimated with random probes:
// residual |A Z - Z L|_F / (n eps |A|_F) and orthogonality |I - Z^T Z|_F / (n eps). Both are below about 1
// for a good LAPACK (its own test suite accepts 60).
struct EigenError {
  double residual = 0;
  double orthogonality = 0;
};
[[nodiscard]] EigenError eigen_error(const Matrix& symmetric, const Eigenbasis& basis);

// A symmetric matrix A as far as the check needs it: |A|_F, and Y -= X A of rows X.
struct SymmetricOperator {
  double norm = 0;
  std::function<void(const Matrix& x, Matrix& y)> subtract_product;
};
[[nodiscard]] EigenError eigen_error(const SymmetricOperator& symmetric, const Eigenbasis& basis);
// Of a matrix that outlives it.
[[nodiscard]] SymmetricOperator operator_of(const Matrix& symmetric);

// What is accepted of both.
inline constexpr double largest_eigen_error = 5.0;

// Whether the values descend and both errors are within what is accepted.
[[nodiscard]] bool passes_check(const Matrix& symmetric, const Eigenbasis& basis);
[[nodiscard]] bool passes_check(const SymmetricOperator& symmetric, const Eigenbasis& basis);

[[nodiscard]] bool all_finite(const Matrix& a);

// Frobenius norm, without overflow or underflow on the way; NaN and Inf come out as they are.
[[nodiscard]] double frobenius(std::span<const double> values);

// A size that LAPACK's 32-bit interface can count with. Throws UsageError.
[[nodiscard]] int lapack_size(std::size_t size);
// An order that LAPACK's 32-bit interface can count with. Throws UsageError.
[[nodiscard]] int lapack_order(std::size_t size);

// Singular values (descending) of a [m, d], and right singular vectors as rows, those of the non-zero
// singular values first: all d or, where 2 m <= d, m of them. Throws NumericalError.
struct RightSingular {
  std::vector<double> values;  // [min(m, d)]
  Matrix vectors;              // [d or m, d], orthonormal rows
};
[[nodiscard]] RightSingular right_singular(const Matrix& a);

// Whether rows are, up to what is accepted.
[[nodiscard]] bool is_orthonormal(const Matrix& rows);
// One step from nearly orthonormal rows to the nearest ones that are: the error is squared.
void make_orthonormal(Matrix& rows);

// Singular values only.
[[nodiscard]] std::vector<double> singular_values(const Matrix& a);

}  // namespace collapscope::linalg
