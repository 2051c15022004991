#include "linalg/eigen_of_rows.hpp"

#include <fmt/format.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "collapscope/core/error.hpp"
#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"

namespace collapscope::linalg {

namespace {

// X, and random rows behind it where there are to be more.
Matrix lengthened(const Matrix& rows, std::size_t count) {
  Matrix out(std::max(rows.rows(), count), rows.cols());
  std::ranges::copy(rows.values(), out.data());
  std::mt19937_64 random(2468);
  std::normal_distribution<double> normal;
  for (double& value : out.values().subspan(rows.values().size())) {
    value = normal(random);
  }
  return out;
}

// X^T = Q R, Householder's: column-major, the rows of X are columns.
struct Factors {
  Matrix q;  // Q^T [p, d]
  Matrix r;  // R^T [N, p]: row i says what row i of X is made of
};

Factors factors_of(const Matrix& rows, std::size_t pairs) {
  Factors found{lengthened(rows, pairs), Matrix(rows.rows(), std::max(rows.rows(), pairs))};
  const lapack_int d = lapack_size(rows.cols());
  const lapack_int p = lapack_order(found.q.rows());
  std::vector<double> reflectors(found.q.rows());
  lapack_int info = LAPACKE_dgeqrf(LAPACK_COL_MAJOR, d, p, found.q.data(), d, reflectors.data());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    std::copy_n(found.q.data() + i * rows.cols(), i + 1, found.r.data() + i * found.r.cols());
  }
  if (info == 0) {
    info = LAPACKE_dorgqr(LAPACK_COL_MAJOR, d, p, p, found.q.data(), d, reflectors.data());
  }
  if (info != 0) {
    throw NumericalError(
        fmt::format("LAPACK gives no QR factors of {} rows of {} numbers ({})", rows.rows(), d, info));
  }
  return found;
}

bool are_all(const SymmetricOperator& symmetric, const Eigenbasis& basis, double trace) {
  const double found = std::accumulate(basis.values.begin(), basis.values.end(), 0.0);
  const double rounding = largest_eigen_error * static_cast<double>(basis.vectors.cols()) * 0x1p-52 * trace;
  return passes_check(symmetric, basis) && std::abs(trace - found) <= rounding;
}

}  // namespace

Eigenbasis eigen_of_rows(const Matrix& rows, std::size_t pairs, const EigenSolver& solve) {
  if (rows.rows() > rows.cols() || pairs > rows.cols()) {
    throw UsageError("eigen_of_rows: more rows or pairs than columns");
  }
  const Factors factors = factors_of(rows, pairs);
  const Matrix inside = product(factors.r, Transpose::yes, factors.r, Transpose::no);
  const Matrix gram = product(rows, Transpose::no, rows, Transpose::yes);
  Eigenbasis basis = solve(inside);
  basis.vectors = product(basis.vectors, Transpose::no, factors.q, Transpose::no);
  const SymmetricOperator symmetric{frobenius(gram.values()), [&rows](const Matrix& x, Matrix& y) {
                                      const Matrix along = product(x, Transpose::no, rows, Transpose::yes);
                                      gemm(-1.0, along.view(), Transpose::no, rows.view(), Transpose::no, 1.0,
                                           y.view());
                                    }};
  double trace = 0;
  for (std::size_t i = 0; i < gram.rows(); ++i) {
    trace += gram(i, i);
  }
  if (!are_all(symmetric, basis, trace)) {
    throw NumericalError(fmt::format("the eigenpairs of {} rows of {} numbers do not pass the check",
                                     rows.rows(), rows.cols()));
  }
  for (double& value : basis.values) {
    value = std::max(value, 0.0);
  }
  basis.complete = true;
  return basis;
}

}  // namespace collapscope::linalg
