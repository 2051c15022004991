// What the tests of the arithmetic share: seeded random data, padded views, and dull references in long
// double.
#pragma once

#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "collapscope/core/matrix.hpp"
#include "collapscope/core/moments.hpp"

namespace collapscope::test {

inline constexpr double eps = std::numeric_limits<double>::epsilon();
inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  double normal() { return normal_(engine_); }
  // In [0, count).
  std::size_t below(std::size_t count) { return engine_() % count; }

 private:
  std::mt19937_64 engine_;
  std::normal_distribution<double> normal_;
};

[[nodiscard]] Matrix random_matrix(std::size_t rows, std::size_t cols, Random& random);

// Rows of `basis` [rows, size] orthonormal to rounding, by Gram-Schmidt in long double.
[[nodiscard]] Matrix random_orthonormal(std::size_t rows, std::size_t size, Random& random);

// diag(values), turned by three reflections; symmetric to the last bit.
[[nodiscard]] Matrix covariance(const std::vector<double>& values, Random& random);

[[nodiscard]] Matrix identity(std::size_t size);
[[nodiscard]] Matrix rows_of(const Matrix& a, std::size_t first, std::size_t count);

// A copy of a matrix with two NaN behind each row, so that whoever ignores the stride gets a NaN.
class Padded {
 public:
  explicit Padded(const Matrix& a);
  [[nodiscard]] MatrixView<double> view() { return {storage_.data(), storage_.rows(), cols_, cols_ + 2}; }

 private:
  std::size_t cols_;
  Matrix storage_;
};

// Largest difference of two lists of equal length; Inf when the lengths differ or a NaN is in them.
[[nodiscard]] double largest_difference(std::span<const double> a, std::span<const double> b);
// Largest |Q Q^T - I| of the rows of Q.
[[nodiscard]] double orthogonality_error(const Matrix& q);

// All members of Moments by their definitions, in two passes of plain loops.
[[nodiscard]] Moments naive_moments(const Matrix& features, const Matrix& targets);

// The fold of float64 rows, in tiles of the backend's size.
[[nodiscard]] Moments folded(Backend& backend, const Matrix& features, const Matrix& targets,
                             Precision precision = Precision::float64, RowKeeping keeping = RowKeeping::none);

// `slack` times the tolerance for running sums: their rounding errors add up like a random walk.
void expect_near(const Moments& found, const Moments& expected, double slack = 1);
// As expect_near, but the scatters of features, which were float32 products: these to product_rounding.
void expect_within_rounding(Moments found, const Moments& expected);
// Bit for bit.
[[nodiscard]] bool same(const Moments& a, const Moments& b);

// N (N - 3) HSIC_1 of linear kernels by Song et al.'s definition over N x N matrices, not centred.
[[nodiscard]] double naive_hsic(const Matrix& x, const Matrix& y);

// One sum of squared norms outside the row span of an orthonormal basis, and its variants.
[[nodiscard]] SubspaceResiduals naive_residuals(const Matrix& rows, const Matrix& basis,
                                                const std::vector<double>& mean);

// A name in the tests' temporary folder that nothing else uses; what is there is removed.
[[nodiscard]] std::string temporary_path(const std::string& name);

}  // namespace collapscope::test
