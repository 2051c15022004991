#include "linalg/factored_eigen.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "collapscope/core/error.hpp"
#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"
#include "linalg/reflectors.hpp"
#include "linalg/tridiagonal_eigen.hpp"

namespace collapscope::linalg {

namespace {

// Below this order writing all vectors out takes no longer: bench/eigen_bench.cpp.
constexpr std::size_t least_order = 128;
constexpr std::size_t least_ratio = 4;  // of the order to the vectors that are written out

// Turns each row around: T's eigenvalues ascend.
void turn_around(Matrix& a) {
  for (std::size_t i = 0; i < a.rows(); ++i) {
    const auto row = a.view().row(i);
    std::reverse(row.begin(), row.end());
  }
}

class QZ final : public EigenvectorFactors {
 public:
  QZ(Reflectors q, TridiagonalPairs z) : q_(std::move(q)), z_(std::move(z)) {}

  [[nodiscard]] Matrix coordinates(const Matrix& rows) const override {
    Matrix out = rows;
    q_.apply_transposed(out);
    z_.to_vectors(out.view());
    turn_around(out);
    return out;
  }

  [[nodiscard]] Matrix combinations(const Matrix& coordinates) const override {
    if (coordinates.cols() != z_.size()) {
      throw UsageError("eigenvectors: the shapes do not fit");
    }
    Matrix out = coordinates;
    turn_around(out);
    z_.to_axes(out.view());
    q_.apply(out);
    return out;
  }

  // The eigenvectors of the `count` largest eigenvalues.
  [[nodiscard]] Matrix first(std::size_t count) const {
    Matrix out(count, z_.size());
    for (std::size_t j = 0; j < count; ++j) {
      out(j, j) = 1;
    }
    return combinations(out);
  }

 private:
  Reflectors q_;
  TridiagonalPairs z_;
};

Matrix scaled_down(const Matrix& a, double scale) {
  constexpr std::size_t at_once = std::size_t{1} << 17U;
  Matrix out = Matrix::unfilled(a.rows(), a.cols());
  const auto from = a.values();
  share((from.size() + at_once - 1) / at_once, [&](std::size_t part) {
    const auto some = from.subspan(part * at_once, std::min(at_once, from.size() - part * at_once));
    std::ranges::transform(some, out.data() + part * at_once, [&](double value) { return value / scale; });
  });
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
  std::optional<TridiagonalPairs> pairs =
      TridiagonalPairs::solve(std::move(form->t.diagonal), std::move(form->t.beside));
  if (!pairs) {
    return std::nullopt;
  }
  Eigenbasis basis;
  basis.values.assign(pairs->values().rbegin(), pairs->values().rend());
  const auto factors = std::make_shared<const QZ>(std::move(form->q), *std::move(pairs));
  for (double& value : basis.values) {
    value *= scale;
  }
  basis.vectors = factors->first(std::min(written, d));
  const Eigenbasis first{{basis.values.begin(), basis.values.begin() + std::ptrdiff_t(basis.vectors.rows())},
                         basis.vectors};
  basis.factors = factors;
  if (!passes_check(symmetric, basis) || !passes_check(symmetric, first)) {
    return std::nullopt;
  }
  return basis;
}

}  // namespace collapscope::linalg
