#include "linalg/leading_eigen.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

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

// What is left, from the upper triangle of what is negative and divided by `scale`.
EigenRest rest_from(Matrix negative, double scale) {
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
  const auto shared = std::make_shared<Matrix>(std::move(negative));
  return {std::max(trace, 0.0) * scale, std::sqrt(squares) * scale, [shared, scale](double bound) {
            for (std::size_t i = 0; i < shared->rows(); ++i) {
              (*shared)(i, i) += bound / scale;
            }
            return is_positive_definite(shared->view());
          }};
}

void set_rest(const EigenRest& rest, Eigenbasis& basis) {
  basis.rest_trace = rest.trace;
  basis.rest_norm = rest.norm;
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
    set_rest(rest_of(symmetric, none), none);
    return none;
  }
  std::optional<Eigenbasis> basis = top_eigen(symmetric, pairs, scale);
  return basis && complete_leading(symmetric, *basis) ? *std::move(basis) : symmetric_eigen(symmetric);
}

EigenRest rest_of(const Matrix& symmetric, const Eigenbasis& basis) {
  const double scale = scale_of(frobenius(symmetric.values()));
  return rest_from(negative_rest(symmetric, basis, scale), scale);
}

bool complete_leading(const Matrix& symmetric, Eigenbasis& basis) {
  return basis.vectors.cols() == symmetric.rows() &&
         complete_leading(
             operator_of(symmetric), [&] { return rest_of(symmetric, basis); }, basis);
}

bool complete_leading(const SymmetricOperator& symmetric, const std::function<EigenRest()>& rest,
                      Eigenbasis& basis) {
  const std::size_t d = basis.vectors.cols();
  if (basis.values.empty() || basis.vectors.rows() != basis.size() || !passes_check(symmetric, basis)) {
    return false;
  }
  const EigenRest left = rest();
  set_rest(left, basis);
  const double rounding = largest_eigen_error * static_cast<double>(d) *
                          std::numeric_limits<double>::epsilon() * std::max(basis.values.front(), 0.0);
  const double bound = basis.values.back() + rounding;
  return left.norm <= bound || left.is_below(bound);
}

}  // namespace collapscope::linalg
