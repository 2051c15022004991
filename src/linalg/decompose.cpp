#include "linalg/decompose.hpp"

#include <fmt/format.h>
#include <lapacke.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "collapscope/core/error.hpp"
#include "linalg/blas.hpp"
#include "linalg/coordinates.hpp"

namespace collapscope::linalg {

namespace {

void require_finite(const Matrix& a, const char* what) {
  if (!all_finite(a)) {
    throw NumericalError(fmt::format("the {} overflows float64 (numbers too large to square?)", what));
  }
}

using Driver = lapack_int (*)(int, char, char, lapack_int, double*, lapack_int, double*);

// Ascending pairs from LAPACK, turned around. A symmetric matrix is the same in both storage orders, and
// column-major eigenvectors are the rows that we want.
bool decompose_with(Driver driver, const Matrix& symmetric, Eigenbasis& basis) {
  const std::size_t n = symmetric.rows();
  basis.vectors = symmetric;
  basis.values.assign(n, 0.0);
  const lapack_int order = lapack_order(n);
  const lapack_int info =
      driver(LAPACK_COL_MAJOR, 'V', 'L', order, basis.vectors.data(), order, basis.values.data());
  if (info != 0) {
    return false;
  }
  std::reverse(basis.values.begin(), basis.values.end());
  for (std::size_t top = 0, bottom = n; top + 1 < bottom; ++top) {
    --bottom;
    const auto first = basis.vectors.view().row(top);
    const auto last = basis.vectors.view().row(bottom);
    std::swap_ranges(first.begin(), first.end(), last.begin());
  }
  return true;
}

constexpr std::size_t probes = 8;

// As rows [probes, size].
Matrix random_probes(std::size_t size) {
  std::mt19937_64 random(12345);
  std::normal_distribution<double> normal;
  Matrix w(probes, size);
  for (double& value : w.values()) {
    value = normal(random);
  }
  return w;
}

// n eps.
double rounding_unit(std::size_t n) {
  return static_cast<double>(n) * std::numeric_limits<double>::epsilon();
}

// |(Z' Z'^T - I) w| per probe, over n eps, from the Z' Z'^T w.
double orthogonality_error(Matrix found, const Matrix& w, std::size_t n) {
  for (std::size_t i = 0; i < found.values().size(); ++i) {
    found.values()[i] -= w.values()[i];
  }
  return frobenius(found.values()) / std::sqrt(static_cast<double>(probes)) / rounding_unit(n);
}

// In four sums, which do not wait for one another.
double sum_of_squares(std::span<const double> values) {
  std::array<double, 4> sums{};
  std::size_t i = 0;
  for (; i + sums.size() <= values.size(); i += sums.size()) {
    for (std::size_t k = 0; k < sums.size(); ++k) {
      sums[k] += values[i + k] * values[i + k];
    }
  }
  for (; i < values.size(); ++i) {
    sums[0] += values[i] * values[i];
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

bool passes(const EigenError& error) {
  return error.residual <= largest_eigen_error &&
         error.orthogonality <= largest_eigen_error;  // false for NaN
}

}  // namespace

bool all_finite(const Matrix& a) {
  const auto values = a.values();
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

double frobenius(std::span<const double> values) {
  if (const double sum = sum_of_squares(values); sum > 1e-280 && sum < 1e280) {
    return std::sqrt(sum);
  }
  double largest = 0;
  for (const double v : values) {
    if (std::isnan(v)) {
      return v;
    }
    largest = std::max(largest, std::abs(v));
  }
  if (largest == 0 || !std::isfinite(largest)) {
    return largest;
  }
  double sum = 0;
  for (const double v : values) {
    sum += (v / largest) * (v / largest);
  }
  return largest * std::sqrt(sum);
}

int lapack_size(std::size_t size) {
  if (size > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw UsageError(fmt::format("a size of {} is too large for the 32-bit LAPACK interface", size));
  }
  return static_cast<int>(size);
}

int lapack_order(std::size_t size) {
  // dsyevd's workspace has about 2 n^2 numbers, counted in a lapack_int.
  if (size > 32000) {
    throw UsageError(
        fmt::format("a decomposition of order {} is too large for the 32-bit LAPACK interface", size));
  }
  return static_cast<int>(size);
}

SymmetricOperator operator_of(const Matrix& symmetric) {
  return {frobenius(symmetric.values()), [&symmetric](const Matrix& x, Matrix& y) {
            gemm(-1.0, x.view(), Transpose::no, symmetric.view(), Transpose::no, 1.0, y.view());
          }};
}

bool passes_check(const Matrix& symmetric, const Eigenbasis& basis) {
  return passes_check(operator_of(symmetric), basis);
}

bool passes_check(const SymmetricOperator& symmetric, const Eigenbasis& basis) {
  return std::is_sorted(basis.values.rbegin(), basis.values.rend()) && passes(eigen_error(symmetric, basis));
}

Eigenbasis symmetric_eigen(const Matrix& symmetric) {
  if (symmetric.rows() != symmetric.cols()) {
    throw UsageError("symmetric_eigen: the matrix is not square");
  }
  require_finite(symmetric, "second-moment matrix");
  constexpr double least = 1e-300;  // below, a rounding error is no normal number
  if (const double norm = frobenius(symmetric.values()); norm > 0 && norm < least) {
    throw NumericalError(
        "the second-moment matrix loses its digits in float64 (numbers too small to square?)");
  }
  Eigenbasis basis;
  if (symmetric.rows() == 0) {
    return basis;
  }
  EigenError error;
  for (const Driver driver : {&LAPACKE_dsyevd, &LAPACKE_dsyev}) {
    if (decompose_with(driver, symmetric, basis)) {
      error = eigen_error(symmetric, basis);
      if (passes(error)) {
        return basis;
      }
    }
  }
  throw NumericalError(
      fmt::format("LAPACK gives no eigendecomposition of order {} that passes the check (residual {:.2g}, "
                  "orthogonality {:.2g}, accepted {:.2g})",
                  symmetric.rows(), error.residual, error.orthogonality, largest_eigen_error));
}

EigenError eigen_error(const Matrix& symmetric, const Eigenbasis& basis) {
  return eigen_error(operator_of(symmetric), basis);
}

EigenError eigen_error(const SymmetricOperator& symmetric, const Eigenbasis& basis) {
  // Of W Z' and W L Z', with the vectors as rows of Z' and the probes as rows of W: residual W (Z' A - L Z').
  const std::size_t size = basis.size();
  const Matrix w = random_probes(size);
  Matrix both(2 * probes, size);
  std::copy(w.values().begin(), w.values().end(), both.data());
  for (std::size_t i = 0; i < probes; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      both(probes + i, j) = w(i, j) * basis.values[j];
    }
  }
  both = combinations(basis, both);
  Matrix u(probes, both.cols());
  std::copy_n(both.data(), u.values().size(), u.data());
  Matrix residual(probes, both.cols());
  std::copy_n(both.data() + u.values().size(), u.values().size(), residual.data());
  symmetric.subtract_product(u, residual);
  const double left = frobenius(residual.values()) / std::sqrt(static_cast<double>(probes));
  return {left == 0 ? 0 : left / (rounding_unit(both.cols()) * symmetric.norm),
          orthogonality_error(coordinates(basis, u), w, both.cols())};
}

namespace {

// Half the time of QR iterations, for vectors of both sides. Only where these are as many as are wanted, and
// few: false elsewhere.
bool divide_and_conquer(const Matrix& a, RightSingular& result) {
  constexpr std::size_t largest = 1024;
  const std::size_t m = a.rows();
  const std::size_t d = a.cols();
  const std::size_t smaller = std::min(m, d);
  if (m > largest || d > largest || smaller == 0 || result.vectors.rows() != smaller) {
    return false;
  }
  Matrix work = a;
  Matrix others(m, smaller);
  return LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'S', lapack_order(d), static_cast<lapack_int>(m), work.data(),
                        lapack_order(d), result.values.data(), result.vectors.data(), lapack_order(d),
                        others.data(), static_cast<lapack_int>(smaller)) == 0;
}

}  // namespace

RightSingular right_singular(const Matrix& a) {
  require_finite(a, "weight");
  const std::size_t m = a.rows();
  const std::size_t d = a.cols();
  const bool few = 2 * m <= d;
  RightSingular result{std::vector<double>(std::min(m, d)), Matrix(few ? m : d, d)};
  // In column-major order the memory of a is a^T [d, m], whose left singular vectors are a's right ones:
  // the columns of u, which lie as the rows of `vectors`.
  if (divide_and_conquer(a, result) && is_orthonormal(result.vectors)) {
    return result;
  }
  Matrix work = a;
  std::vector<double> superdiagonal(std::max<std::size_t>(1, std::min(m, d)));
  double unused = 0;
  const lapack_int columns = few ? lapack_size(d) : lapack_order(d);
  const lapack_int info = LAPACKE_dgesvd(
      LAPACK_COL_MAJOR, few ? 'S' : 'A', 'N', columns, static_cast<lapack_int>(m), work.data(), columns,
      result.values.data(), result.vectors.data(), columns, &unused, 1, superdiagonal.data());
  if (info != 0) {
    throw NumericalError(fmt::format("LAPACK's SVD of a {} x {} weight failed ({})", m, d, info));
  }
  if (!is_orthonormal(result.vectors)) {
    // QR iterations lose digits where all singular values are nearly the same.
    make_orthonormal(result.vectors);
    if (!is_orthonormal(result.vectors)) {
      throw NumericalError("LAPACK's SVD of a weight gave vectors that are not orthonormal");
    }
  }
  return result;
}

bool is_orthonormal(const Matrix& rows) {
  const Matrix w = random_probes(rows.rows());
  const Matrix gram =
      product(product(w, Transpose::no, rows, Transpose::no), Transpose::no, rows, Transpose::yes);
  return orthogonality_error(gram, w, rows.cols()) <= largest_eigen_error;  // false for NaN
}

void make_orthonormal(Matrix& rows) {
  const Matrix gram = product(rows, Transpose::no, rows, Transpose::yes);
  Matrix half(gram.rows(), gram.cols());
  for (std::size_t i = 0; i < gram.rows(); ++i) {
    for (std::size_t j = 0; j < gram.cols(); ++j) {
      half(i, j) = ((i == j ? 1 : 0) - gram(i, j)) / 2;
    }
  }
  const Matrix step = product(half, Transpose::no, rows, Transpose::no);
  std::ranges::transform(rows.values(), step.values(), rows.values().begin(), std::plus<>());
}

std::vector<double> singular_values(const Matrix& a) {
  require_finite(a, "matrix");
  std::vector<double> values(std::min(a.rows(), a.cols()));
  if (values.empty()) {
    return values;
  }
  Matrix work = a;
  std::vector<double> superdiagonal(values.size());
  double unused = 0;
  const lapack_int info =
      LAPACKE_dgesvd(LAPACK_COL_MAJOR, 'N', 'N', static_cast<lapack_int>(a.cols()),
                     static_cast<lapack_int>(a.rows()), work.data(), static_cast<lapack_int>(a.cols()),
                     values.data(), &unused, 1, &unused, 1, superdiagonal.data());
  if (info != 0) {
    throw NumericalError(
        fmt::format("LAPACK's SVD of a {} x {} matrix failed ({})", a.rows(), a.cols(), info));
  }
  return values;
}

}  // namespace collapscope::linalg
