// Decompositions of awkward matrices, judged by residual, orthogonality and order.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "collapscope/core/error.hpp"
#include "core/support.hpp"
#include "linalg/decompose.hpp"

namespace collapscope {
namespace {

using linalg::eigen_error;
using linalg::EigenError;
using linalg::symmetric_eigen;
using test::eps;
using test::Random;

// Q^T diag(values) Q, exactly symmetric.
Matrix with_spectrum(const std::vector<double>& values, Random& random) {
  const std::size_t n = values.size();
  const Matrix q = test::random_orthonormal(n, n, random);
  Matrix a(n, n);
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        a(i, j) += values[k] * q(k, i) * q(k, j);
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      a(j, i) = a(i, j);
    }
  }
  return a;
}

std::vector<double> values_by(std::size_t n, const std::function<double(double)>& value) {
  std::vector<double> values;
  for (std::size_t i = 0; i < n; ++i) {
    values.push_back(value(n > 1 ? static_cast<double>(i) / static_cast<double>(n - 1) : 0.0));
  }
  return values;
}

using Spectrum = std::function<double(double)>;

const std::vector<std::pair<const char*, Spectrum>>& zoo() {
  static const std::vector<std::pair<const char*, Spectrum>> spectra{
      {"zero", [](double) { return 0.0; }},
      {"identity", [](double) { return 1.0; }},
      {"rank one", [](double t) { return t == 0 ? 5.0 : 0.0; }},
      {"clustered", [](double t) { return 1 + 1e-14 * t; }},
      {"two clusters", [](double t) { return t < 0.5 ? 1.0 : 1e-9; }},
      {"geometric", [](double t) { return std::pow(2.0, -40 * t); }},
      {"graded", [](double t) { return std::pow(10.0, -16 * t); }},
      {"indefinite", [](double t) { return 1 - 2 * t; }},
      {"tiny", [](double t) { return 1e-150 * (1 - 0.9 * t); }},
      {"huge", [](double t) { return 1e150 * (1 - 0.9 * t); }},
  };
  return spectra;
}

TEST(SymmetricEigen, MatrixZoo) {
  for (const std::size_t n : {1U, 2U, 3U, 64U}) {
    for (const auto& [name, spectrum] : zoo()) {
      SCOPED_TRACE(testing::Message() << name << ", order " << n);
      Random random(n);
      std::vector<double> expected = values_by(n, spectrum);
      const Matrix a = with_spectrum(expected, random);
      const Eigenbasis basis = symmetric_eigen(a);
      ASSERT_EQ(basis.size(), n);
      EXPECT_TRUE(std::is_sorted(basis.values.rbegin(), basis.values.rend()));
      const EigenError error = eigen_error(a, basis);
      EXPECT_LE(error.residual, 5);
      EXPECT_LE(error.orthogonality, 5);
      EXPECT_LE(test::orthogonality_error(basis.vectors), 8 * static_cast<double>(n) * eps);
      // Weyl: eigenvalues move by no more than the matrix, whose entries have n roundings each.
      std::sort(expected.rbegin(), expected.rend());
      const double largest = std::max(std::abs(expected.front()), std::abs(expected.back()));
      EXPECT_LE(test::largest_difference(basis.values, expected),
                16 * static_cast<double>(n) * eps * largest);
    }
  }
}

TEST(SymmetricEigen, OddLargerOrder) {
  Random random(257);
  Matrix a = test::random_matrix(257, 257, random);
  for (std::size_t i = 0; i < 257; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      a(j, i) = a(i, j);
    }
  }
  const Eigenbasis basis = symmetric_eigen(a);
  EXPECT_LE(eigen_error(a, basis).residual, 5);
  EXPECT_TRUE(std::is_sorted(basis.values.rbegin(), basis.values.rend()));
}

TEST(SymmetricEigen, KnownPairs) {
  Matrix a(2, 2);
  a(0, 0) = a(1, 1) = 2;
  a(0, 1) = a(1, 0) = 1;
  const Eigenbasis basis = symmetric_eigen(a);
  EXPECT_NEAR(basis.values[0], 3, 16 * eps);
  EXPECT_NEAR(basis.values[1], 1, 16 * eps);
  EXPECT_NEAR(basis.vectors(0, 0), basis.vectors(0, 1), 16 * eps);  // row 0 belongs to values[0]
  EXPECT_NEAR(basis.vectors(1, 0), -basis.vectors(1, 1), 16 * eps);
  EXPECT_EQ(symmetric_eigen(Matrix()).size(), 0U);
}

TEST(SymmetricEigen, RefusesWhatIsNotFiniteOrNotSquare) {
  for (const double bad : {test::nan, test::infinity, -test::infinity}) {
    for (const std::size_t at : {0U, 4U, 8U}) {
      Matrix a(3, 3);
      a.values()[at] = bad;
      EXPECT_THROW((void)symmetric_eigen(a), NumericalError);
      EXPECT_THROW((void)linalg::right_singular(a), NumericalError);
      EXPECT_THROW((void)linalg::singular_values(a), NumericalError);
    }
  }
  EXPECT_THROW((void)symmetric_eigen(Matrix(2, 3)), UsageError);
}

TEST(EigenError, NoticesACorruptedBasis) {
  for (const std::size_t n : {2U, 3U, 40U}) {
    Random random(n + 1);
    const Matrix a = with_spectrum(values_by(n, [](double t) { return 2 - t; }), random);
    const Eigenbasis good = symmetric_eigen(a);
    Eigenbasis bad = good;
    const auto row = bad.vectors.view().row(0);
    std::copy(row.begin(), row.end(), bad.vectors.view().row(1).begin());
    EXPECT_GT(eigen_error(a, bad).orthogonality, 1e6) << "one vector twice";
    bad = good;
    bad.values[n / 2] += 1e-6;
    EXPECT_GT(eigen_error(a, bad).residual, 1e3) << "one value changed";
    EXPECT_LE(eigen_error(a, bad).orthogonality, 5);
    bad = good;
    std::swap(bad.values[0], bad.values[n - 1]);
    EXPECT_GT(eigen_error(a, bad).residual, 1e6) << "values in another order than vectors";
    bad = good;
    bad.vectors(0, 0) = test::nan;
    EXPECT_FALSE(eigen_error(a, bad).residual <= 5);
  }
}

// U diag(s) V with orthonormal U, V: [m, d].
Matrix with_singular_values(std::size_t m, std::size_t d, const std::vector<double>& s, Random& random) {
  const Matrix u = test::random_orthonormal(s.size(), m, random);
  const Matrix v = test::random_orthonormal(s.size(), d, random);
  Matrix a(m, d);
  for (std::size_t k = 0; k < s.size(); ++k) {
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < d; ++j) {
        a(i, j) += s[k] * u(k, i) * v(k, j);
      }
    }
  }
  return a;
}

TEST(Orthonormal, NearlyIsNotAndOneStepMakesItSo) {
  Random random(5);
  for (const std::size_t rows : {1U, 7U, 40U}) {
    Matrix q = test::random_orthonormal(rows, 40, random);
    EXPECT_TRUE(linalg::is_orthonormal(q));
    const Matrix exact = q;
    for (double& value : q.values()) {
      value += 1e-9 * random.normal();
    }
    EXPECT_FALSE(linalg::is_orthonormal(q));
    linalg::make_orthonormal(q);
    EXPECT_TRUE(linalg::is_orthonormal(q));
    for (std::size_t i = 0; i < q.values().size(); ++i) {
      ASSERT_NEAR(q.values()[i], exact.values()[i], 1e-7);
    }
    for (double& value : q.values()) {
      value *= 1.1;
    }
    linalg::make_orthonormal(q);
    EXPECT_FALSE(linalg::is_orthonormal(q)) << "too far for one step";
  }
}

TEST(RightSingular, WideTallDeficientAndSmall) {
  struct Shape {
    std::size_t m, d;
    std::vector<double> values;
  };
  for (const Shape& shape : {Shape{3, 8, {5, 2, 1e-3}}, Shape{9, 4, {4, 3, 2, 1}}, Shape{6, 6, {3, 1}},
                             Shape{4, 7, {}}, Shape{1, 1, {2}}, Shape{1, 5, {3}}, Shape{5, 1, {3}},
                             Shape{5, 5, {1e150, 1e140}}, Shape{2, 3, {1e-150, 1e-155}}}) {
    SCOPED_TRACE(testing::Message() << shape.m << " x " << shape.d);
    Random random(shape.m * 31 + shape.d);
    const Matrix a = with_singular_values(shape.m, shape.d, shape.values, random);
    std::vector<double> expected = shape.values;
    expected.resize(std::min(shape.m, shape.d), 0.0);
    const linalg::RightSingular found = linalg::right_singular(a);
    const double unit = 8 * static_cast<double>(shape.m + shape.d) * eps;
    const double tolerance = unit * expected[0];
    EXPECT_LE(test::largest_difference(found.values, expected), tolerance);
    EXPECT_LE(test::largest_difference(linalg::singular_values(a), expected), tolerance);
    ASSERT_EQ(found.vectors.rows(), 2 * shape.m <= shape.d ? shape.m : shape.d);
    EXPECT_LE(test::orthogonality_error(found.vectors), unit);
    // |A v_j| = s_j, and 0 for the vectors behind.
    for (std::size_t j = 0; j < found.vectors.rows(); ++j) {
      long double squares = 0;
      for (std::size_t i = 0; i < shape.m; ++i) {
        long double along = 0;
        for (std::size_t c = 0; c < shape.d; ++c) {
          along += static_cast<long double>(a(i, c)) * found.vectors(j, c);
        }
        squares += along * along;
      }
      const double expected_length = j < expected.size() ? expected[j] : 0.0;
      EXPECT_NEAR(static_cast<double>(std::sqrt(squares)), expected_length, tolerance) << j;
    }
  }
}

}  // namespace
}  // namespace collapscope
