#include "linalg/rank_one_update.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <numeric>
#include <span>
#include <utility>

#include "collapscope/core/error.hpp"
#include "linalg/coordinates.hpp"
#include "linalg/decompose.hpp"
#include "linalg/secular.hpp"

namespace collapscope::linalg {

namespace {

// Turns each row around: the secular equation's values ascend.
void reverse_rows(Matrix& a) {
  for (std::size_t i = 0; i < a.rows(); ++i) {
    const auto row = a.view().row(i);
    std::reverse(row.begin(), row.end());
  }
}

class UpdatedVectors final : public EigenvectorFactors {
 public:
  explicit UpdatedVectors(SecularPairs pairs) : pairs_(std::move(pairs)) {}

  [[nodiscard]] Matrix coordinates(const Matrix& rows) const override {
    return turned(rows, [&](MatrixView<double> ascending) { pairs_.to_vectors(ascending); });
  }

  [[nodiscard]] Matrix combinations(const Matrix& coordinates) const override {
    return turned(coordinates, [&](MatrixView<double> ascending) { pairs_.to_axes(ascending); });
  }

 private:
  template <class Turn>
  [[nodiscard]] Matrix turned(Matrix rows, const Turn& turn) const {
    if (rows.cols() != pairs_.size()) {
      throw UsageError("rank_one_update: the shapes do not fit");
    }
    reverse_rows(rows);
    turn(rows.view());
    reverse_rows(rows);
    return rows;
  }

  SecularPairs pairs_;
};

// diag(d) + rho z z^T of |z| = 1.
SymmetricOperator updated(std::span<const double> d, std::span<const double> z, double rho) {
  double squares = rho * rho;
  for (std::size_t i = 0; i < d.size(); ++i) {
    squares += d[i] * d[i] + 2 * rho * d[i] * (z[i] * z[i]);
  }
  return {std::sqrt(squares), [=](const Matrix& x, Matrix& y) {
            for (std::size_t i = 0; i < x.rows(); ++i) {
              const auto row = x.view().row(i);
              const double along = rho * std::inner_product(z.begin(), z.end(), row.begin(), 0.0);
              for (std::size_t j = 0; j < d.size(); ++j) {
                y(i, j) -= d[j] * row[j] + along * z[j];
              }
            }
          }};
}

}  // namespace

std::optional<Eigenbasis> rank_one_update(const Eigenbasis& basis, const std::vector<double>& x) {
  Matrix row(1, x.size());
  std::copy(x.begin(), x.end(), row.data());
  const Matrix along = coordinates(basis, row);  // v_j^T x
  const double length = frobenius(along.values());
  if (!basis.is_full() || !std::isfinite(length * length)) {
    return std::nullopt;
  }
  // Of length 1 and near 1, as LAPACK wants it.
  const double largest = std::max(largest_size(basis.values), length * length);
  const double scale = largest > 0 ? std::exp2(std::floor(std::log2(largest))) : 1;
  std::vector<double> diagonal = basis.values;
  std::vector<double> z(along.values().begin(), along.values().end());
  for (std::size_t i = 0; i < z.size(); ++i) {
    diagonal[i] /= scale;
    z[i] = length > 0 ? z[i] / length : 0;
  }
  const double rho = length * length / scale;
  SecularPairs pairs = SecularPairs::solve({diagonal.rbegin(), diagonal.rend()}, {z.rbegin(), z.rend()}, rho);
  Eigenbasis found{{pairs.values().rbegin(), pairs.values().rend()}, Matrix(0, z.size())};
  for (double& value : found.values) {
    value = std::max(value, 0.0);
  }
  found.factors = std::make_shared<const UpdatedVectors>(std::move(pairs));
  if (!passes_check(updated(diagonal, z, rho), found)) {
    return std::nullopt;
  }
  for (double& value : found.values) {
    value *= scale;
  }
  return found;
}

}  // namespace collapscope::linalg
