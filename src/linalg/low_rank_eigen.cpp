#include "linalg/low_rank_eigen.hpp"

#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"
#include "linalg/leading_eigen.hpp"

namespace collapscope::linalg {

namespace {

Matrix random_rows(std::size_t rows, std::size_t size) {
  std::mt19937_64 random(4321);
  std::normal_distribution<double> normal;
  Matrix out(rows, size);
  for (double& value : out.values()) {
    value = normal(random);
  }
  return out;
}

// Makes the rows orthonormal, by Householder's QR: column-major they are columns.
bool orthonormalize(Matrix& rows) {
  const lapack_int d = lapack_order(rows.cols());
  const lapack_int count = lapack_order(rows.rows());
  std::vector<double> reflectors(rows.rows());
  return LAPACKE_dgeqrf(LAPACK_COL_MAJOR, d, count, rows.data(), d, reflectors.data()) == 0 &&
         LAPACKE_dorgqr(LAPACK_COL_MAJOR, d, count, count, rows.data(), d, reflectors.data()) == 0;
}

// scale times a b^T or a b.
Matrix scaled_product(double scale, const Matrix& a, const Matrix& b, Transpose transpose_b) {
  Matrix out(a.rows(), transpose_b == Transpose::yes ? b.rows() : b.cols());
  gemm(scale, a.view(), Transpose::no, b.view(), transpose_b, 0.0, out.view());
  return out;
}

void symmetrize(Matrix& a) {
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      a(i, j) = a(j, i) = (a(i, j) + a(j, i)) / 2;
    }
  }
}

}  // namespace

std::optional<Eigenbasis> low_rank_eigen(const Matrix& symmetric, std::size_t pairs) {
  const std::size_t d = symmetric.rows();
  const double norm = frobenius(symmetric.values());
  if (pairs == 0 || pairs >= d || symmetric.cols() != d || !(norm > 0) || !std::isfinite(norm)) {
    return std::nullopt;
  }
  const double scale = std::exp2(std::floor(std::log2(norm)));
  Matrix range = scaled_product(1 / scale, random_rows(pairs, d), symmetric, Transpose::no);
  if (!orthonormalize(range)) {
    return std::nullopt;
  }
  Matrix inside =
      scaled_product(1.0, scaled_product(1 / scale, range, symmetric, Transpose::no), range, Transpose::yes);
  symmetrize(inside);
  if (!all_finite(inside)) {
    return std::nullopt;
  }
  Eigenbasis basis = symmetric_eigen(inside);
  basis.vectors = scaled_product(1.0, basis.vectors, range, Transpose::no);
  for (double& value : basis.values) {
    value = std::max(value, 0.0) * scale;
  }
  const double rounding = largest_eigen_error * static_cast<double>(d) *
                          std::numeric_limits<double>::epsilon() * basis.values.front();
  if (!complete_leading(symmetric, basis) || basis.values.back() > rounding || basis.rest_norm > rounding) {
    return std::nullopt;
  }
  basis.rest_trace = basis.rest_norm = 0;
  basis.complete = true;
  return basis;
}

}  // namespace collapscope::linalg
