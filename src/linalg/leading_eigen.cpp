#include "linalg/leading_eigen.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "collapscope/core/error.hpp"
#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"
#include "linalg/top_eigen.hpp"

namespace collapscope::linalg {

namespace {

// A power of two near a norm; 1 for 0.
double scale_of(double norm) { return norm > 0 ? std::exp2(std::floor(std::log2(norm))) : 1; }

// Z L Z^T - A, divided by `scale`, on and above the diagonal; below lies -A.
Matrix negative_rest(const Matrix& symmetric, const Eigenbasis& basis, double scale) {
  Matrix rest = symmetric;
  for (double& value : rest.values()) {
    value /= -scale;
  }
  Matrix rows = basis.vectors;
  for (std::size_t j = 0; j < rows.rows(); ++j) {
    const double root = std::sqrt(std::max(basis.values[j], 0.0) / scale);
    for (double& value : rows.view().row(j)) {
      value *= root;
    }
  }
  add_gram_upper(rows.view(), rest.view());
  return rest;
}

// What is left, from its upper triangle: trace, and Frobenius norm.
void set_rest(const Matrix& negative, double scale, Eigenbasis& basis) {
  double trace = 0;
  double squares = 0;
  for (std::size_t i = 0; i < negative.rows(); ++i) {
    const auto row = negative.view().row(i);
    trace -= row[i];
    double above = 0;
    for (std::size_t j = i + 1; j < row.size(); ++j) {
      above += row[j] * row[j];
    }
    squares += row[i] * row[i] + 2 * above;
  }
  basis.rest_trace = std::max(trace, 0.0) * scale;
  basis.rest_norm = std::sqrt(squares) * scale;
}

Eigenbasis zero_basis(std::size_t pairs, std::size_t d) {
  Eigenbasis basis{std::vector<double>(pairs, 0.0), Matrix(pairs, d)};
  for (std::size_t j = 0; j < pairs; ++j) {
    basis.vectors(j, j) = 1;
  }
  return basis;
}

}  // namespace

Eigenbasis leading_eigen(const Matrix& symmetric, std::size_t pairs) {
  const std::size_t d = symmetric.rows();
  const double norm = frobenius(symmetric.values());
  if (pairs >= d || symmetric.cols() != d || !std::isfinite(norm)) {
    return symmetric_eigen(symmetric);
  }
  if (norm == 0) {
    return zero_basis(pairs, d);
  }
  const double scale = scale_of(norm);
  if (pairs == 0) {
    Eigenbasis none{{}, Matrix(0, d)};
    set_rest(negative_rest(symmetric, none, scale), scale, none);
    return none;
  }
  std::optional<Eigenbasis> basis = top_eigen(symmetric, pairs, scale);
  return basis && complete_leading(symmetric, *basis) ? *std::move(basis) : symmetric_eigen(symmetric);
}

bool complete_leading(const Matrix& symmetric, Eigenbasis& basis) {
  const std::size_t d = symmetric.rows();
  if (basis.values.empty() || basis.vectors.rows() != basis.size() || basis.vectors.cols() != d ||
      !passes_check(symmetric, basis)) {
    return false;
  }
  const double scale = scale_of(frobenius(symmetric.values()));
  Matrix negative = negative_rest(symmetric, basis, scale);
  set_rest(negative, scale, basis);
  const double rounding = largest_eigen_error * static_cast<double>(d) *
                          std::numeric_limits<double>::epsilon() * std::max(basis.values.front(), 0.0);
  const double bound = basis.values.back() + rounding;
  if (basis.rest_norm <= bound) {
    return true;
  }
  for (std::size_t i = 0; i < d; ++i) {
    negative(i, i) += bound / scale;
  }
  return is_positive_definite(negative.view());
}

}  // namespace collapscope::linalg
