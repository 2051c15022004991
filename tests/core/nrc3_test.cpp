// NRC3's closed-form minimum against a fine grid, at its ends and where there is none.
#include <gtest/gtest.h>

#include <cmath>

#include "collapscope/core/error.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "core/support.hpp"
#include "linalg/decompose.hpp"

namespace collapscope {
namespace {

using test::eps;
using test::Random;

// a a^T, exactly symmetric.
Matrix gram_of(const Matrix& a) {
  Matrix out(a.rows(), a.rows());
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.rows(); ++j) {
      for (std::size_t c = 0; c < a.cols(); ++c) {
        out(i, j) += a(i, c) * a(j, c);
      }
    }
  }
  return out;
}

Matrix plus_diagonal(Matrix a, double s) {
  for (std::size_t i = 0; i < a.rows(); ++i) {
    a(i, i) += s;
  }
  return a;
}

struct Root {
  Matrix root;
  double lambda_min;  // of its square
};

Root random_root(std::size_t n, Random& random) {
  Eigenbasis spectrum =
      linalg::symmetric_eigen(plus_diagonal(gram_of(test::random_matrix(n, n + 1, random)), 0.3));
  return {symmetric_root(spectrum), spectrum.values.back()};
}

// NRC3 by its definition.
double naive_nrc3(const Matrix& gram, const Matrix& root, double gamma) {
  const Matrix target = plus_diagonal(root, -std::sqrt(gamma));
  long double gram_square = 0;
  long double target_square = 0;
  for (std::size_t i = 0; i < gram.values().size(); ++i) {
    gram_square += static_cast<long double>(gram.values()[i]) * gram.values()[i];
    target_square += static_cast<long double>(target.values()[i]) * target.values()[i];
  }
  long double sum = 0;
  for (std::size_t i = 0; i < gram.values().size(); ++i) {
    const long double difference =
        gram.values()[i] / std::sqrt(gram_square) - target.values()[i] / std::sqrt(target_square);
    sum += difference * difference;
  }
  return static_cast<double>(sum);
}

TEST(Nrc3, RefusesAGammaBelowZero) {
  const Matrix one = plus_diagonal(Matrix(2, 2), 1);
  EXPECT_THROW((void)nrc3(one, one, -1e-300), UsageError);
  EXPECT_THROW((void)nrc3(one, one, std::nan("")), UsageError);
}

TEST(Nrc3Minimum, IsBelowAFineGrid) {
  int inside = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::size_t n = 2 + seed % 4;
    const Root target = random_root(n, random);
    // Grams near the targets' own shifted root, so that minima fall inside as well as at the ends.
    const double shift = 1.4 * std::sqrt(target.lambda_min) * static_cast<double>(random.below(100)) / 100;
    Matrix gram = plus_diagonal(target.root, -shift);
    const Matrix noise = gram_of(test::random_matrix(n, n, random));
    for (std::size_t i = 0; i < gram.values().size(); ++i) {
      gram.values()[i] += (seed % 2 == 0 ? 0.01 : 1.0) * noise.values()[i];
    }
    const auto best = nrc3_minimum(gram, target.root, target.lambda_min);
    ASSERT_TRUE(best.has_value());
    EXPECT_GE(best->gamma, 0);
    EXPECT_LE(best->gamma, target.lambda_min * (1 + 2 * eps));
    EXPECT_NEAR(best->value, naive_nrc3(gram, target.root, best->gamma), 64 * eps);
    double least = test::infinity;
    constexpr int points = 20001;
    for (int i = 0; i < points; ++i) {
      least = std::min(least, naive_nrc3(gram, target.root, target.lambda_min * i / (points - 1)));
    }
    EXPECT_LE(best->value, least + 64 * eps);
    inside += best->gamma > 0 && best->gamma < target.lambda_min ? 1 : 0;
  }
  EXPECT_GE(inside, 3);
  EXPECT_LE(inside, 11);
}

TEST(Nrc3Minimum, FindsBothEndsAndTheMiddle) {
  Random random(5);
  const Root target = random_root(3, random);
  const double end = std::sqrt(target.lambda_min);
  for (const double share : {0.0, 0.5, 1.0}) {
    const auto best = nrc3_minimum(plus_diagonal(target.root, -share * end), target.root, target.lambda_min);
    ASSERT_TRUE(best.has_value());
    EXPECT_NEAR(best->value, 0, 64 * eps * eps) << share;  // squares of roundings
    EXPECT_NEAR(std::sqrt(best->gamma), share * end, 64 * eps * target.root(0, 0)) << share;
  }
}

TEST(Nrc3Minimum, StopsAtTheEndsOfItsRange) {
  Random random(8);
  const Root target = random_root(3, random);
  const double end = std::sqrt(target.lambda_min);
  // The best shift lies beyond: sqrt(gamma) = 1.5 of the end, then below 0.
  const Matrix beyond = plus_diagonal(target.root, -1.5 * end);
  const Matrix below = plus_diagonal(target.root, 0.5 * end);
  EXPECT_NEAR(nrc3_minimum(beyond, target.root, target.lambda_min)->gamma / target.lambda_min, 1, 4 * eps);
  EXPECT_EQ(nrc3_minimum(below, target.root, target.lambda_min)->gamma, 0);
  EXPECT_GT(naive_nrc3(below, target.root, 0), 1e-4);
}

TEST(Nrc3Minimum, ScalesDoNotMatter) {
  Random random(6);
  const Root target = random_root(3, random);
  const Matrix gram = gram_of(test::random_matrix(3, 3, random));
  Matrix scaled = gram;
  for (double& value : scaled.values()) {
    value *= 1e40;
  }
  const auto one = nrc3_minimum(gram, target.root, target.lambda_min);
  const auto other = nrc3_minimum(scaled, target.root, target.lambda_min);
  ASSERT_TRUE(one && other);
  EXPECT_NEAR(one->value, other->value, 64 * eps);
  EXPECT_NEAR(one->gamma, other->gamma, 1e-7 * target.lambda_min);  // flat around the minimum
}

TEST(Nrc3Minimum, WhiteTargetsDoNotDependOnGamma) {
  Random random(7);
  const Matrix root = plus_diagonal(Matrix(3, 3), 2);
  const Matrix gram = gram_of(test::random_matrix(3, 3, random));
  const auto best = nrc3_minimum(gram, root, 4);
  ASSERT_TRUE(best.has_value());
  EXPECT_NEAR(best->value, naive_nrc3(gram, root, 0), 64 * eps);
  EXPECT_LT(best->gamma, 4);
  EXPECT_EQ(nrc3(gram, root, 4), std::nullopt);  // S - 2 I vanishes
}

TEST(Nrc3, UndefinedWhereANormVanishes) {
  const Matrix zero(2, 2);
  const Matrix identity = plus_diagonal(zero, 1);
  EXPECT_EQ(nrc3(zero, identity, 0), std::nullopt);
  EXPECT_EQ(nrc3(identity, zero, 0), std::nullopt);
  EXPECT_EQ(nrc3_minimum(zero, identity, 1), std::nullopt);
  EXPECT_EQ(nrc3_minimum(identity, zero, 0), std::nullopt);
  EXPECT_EQ(nrc3(identity, identity, 0), 0.0);
  Matrix minus = identity;
  minus(0, 0) = minus(1, 1) = -1;
  EXPECT_NEAR(nrc3(minus, identity, 0).value_or(-1), 4, 16 * eps);  // the largest there is
}

}  // namespace
}  // namespace collapscope
