#include "linalg/factored_eigen.hpp"

#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"
#include "linalg/reflectors.hpp"

namespace collapscope::linalg {

namespace {

// Below this order writing all vectors out takes no longer: bench/eigen_bench.cpp.
constexpr std::size_t least_order = 128;
constexpr std::size_t least_ratio = 4;  // of the order to the vectors that are written out

// Turns each row around: LAPACK's eigenvalues ascend.
void reverse_rows(Matrix& a) {
  for (std::size_t i = 0; i < a.rows(); ++i) {
    const auto row = a.view().row(i);
    std::reverse(row.begin(), row.end());
  }
}

class QZ final : public EigenvectorFactors {
 public:
  // z: the eigenvectors of T as rows, ascending.
  QZ(Reflectors q, Matrix z) : q_(std::move(q)), z_(std::move(z)) {}

  [[nodiscard]] Matrix coordinates(const Matrix& rows) const override {
    Matrix turned = rows;
    q_.apply_transposed(turned);
    Matrix out = product(turned, Transpose::no, z_, Transpose::yes);
    reverse_rows(out);
    return out;
  }

  [[nodiscard]] Matrix combinations(const Matrix& coordinates) const override {
    Matrix ascending = coordinates;
    reverse_rows(ascending);
    Matrix out = product(ascending, Transpose::no, z_, Transpose::no);
    q_.apply(out);
    return out;
  }

  // The eigenvectors of the `count` largest eigenvalues.
  [[nodiscard]] Matrix first(std::size_t count) const {
    Matrix out(count, z_.cols());
    for (std::size_t j = 0; j < count; ++j) {
      const auto row = z_.view().row(z_.rows() - 1 - j);
      std::copy(row.begin(), row.end(), out.view().row(j).begin());
    }
    q_.apply(out);
    return out;
  }

 private:
  Reflectors q_;
  Matrix z_;
};

Matrix scaled_down(const Matrix& a, double scale) {
  Matrix out = a;
  for (double& value : out.values()) {
    value /= scale;
  }
  return out;
}

}  // namespace

Eigenbasis factored_eigen(const Matrix& symmetric, std::size_t written) {
  const std::size_t d = symmetric.rows();
  if (d >= least_order && symmetric.cols() == d && written <= d / least_ratio) {
    if (auto basis = eigen_by_factors(symmetric, written)) {
      return *std::move(basis);
    }
  }
  return symmetric_eigen(symmetric);
}

std::optional<Eigenbasis> eigen_by_factors(const Matrix& symmetric, std::size_t written) {
  const std::size_t d = symmetric.rows();
  const double norm = frobenius(symmetric.values());
  if (d == 0 || symmetric.cols() != d || !std::isfinite(norm)) {
    return std::nullopt;
  }
  const double scale = norm > 0 ? std::exp2(std::floor(std::log2(norm))) : 1;
  std::optional<TridiagonalForm> form = tridiagonal_form(scaled_down(symmetric, scale));
  if (!form) {
    return std::nullopt;
  }
  Matrix z(d, d);
  const lapack_int order = lapack_order(d);
  if (LAPACKE_dstedc(LAPACK_COL_MAJOR, 'I', order, form->diagonal.data(), form->beside.data(), z.data(),
                     order) != 0) {
    return std::nullopt;
  }
  auto factors = std::make_shared<const QZ>(std::move(form->q), std::move(z));
  Eigenbasis basis;
  basis.values.assign(form->diagonal.rbegin(), form->diagonal.rend());
  for (double& value : basis.values) {
    value *= scale;
  }
  basis.vectors = factors->first(std::min(written, d));
  const Eigenbasis first{{basis.values.begin(), basis.values.begin() + std::ptrdiff_t(basis.vectors.rows())},
                         basis.vectors};
  basis.factors = std::move(factors);
  if (!passes_check(symmetric, basis) || !passes_check(symmetric, first)) {
    return std::nullopt;
  }
  return basis;
}

}  // namespace collapscope::linalg
