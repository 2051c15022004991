// The unbiased CKA, and whether its rounding is known where one row or coordinate outweighs all others.
#include "metrics/unbiased_cka.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/support.hpp"
#include "support/test_backend.hpp"

namespace collapscope {
namespace {

using test::Random;

class UnbiasedCkaOnBackend : public test::OnBackend {
 protected:
  // Rounding that is claimed; the true one must not be larger.
  double rounding(const Matrix& x, const Matrix& y) {
    const UnbiasedHsic found = unbiased_hsic(test::folded(backend(), x, y));
    if (!(found.xx > 0 && found.yy > 0)) {
      return test::infinity;
    }
    const double cka = found.xy / std::sqrt(found.xx) / std::sqrt(found.yy);
    const double right =
        test::naive_hsic(x, y) / std::sqrt(test::naive_hsic(x, x)) / std::sqrt(test::naive_hsic(y, y));
    EXPECT_LE(std::abs(cka - right), found.cka_rounding);
    return found.cka_rounding;
  }
};

Matrix features_for(const Matrix& y, std::size_t d, Random& random) {
  Matrix x = test::random_matrix(y.rows(), d, random);
  for (std::size_t i = 0; i < y.rows(); ++i) {
    for (std::size_t j = 0; j < y.cols(); ++j) {
      x(i, j) += 2 * y(i, j);
    }
  }
  return x;
}

TEST_F(UnbiasedCkaOnBackend, OrdinaryLayersKeepTheirDigits) {
  for (const std::size_t rows : {5U, 100U, 400U}) {
    for (const std::size_t d : {3U, 40U, 130U}) {
      SCOPED_TRACE(testing::Message() << rows << " x " << d);
      Random random(rows + d);
      const Matrix y = test::random_matrix(rows, 2, random);
      EXPECT_LE(rounding(features_for(y, d, random), y), 1e-11);
    }
  }
}

TEST_F(UnbiasedCkaOnBackend, KnowsTheRoundingOfAHugeRowOrCoordinate) {
  for (const double size : {1e1, 1e2, 1e3, 1e4, 6e4, 2e5, 1e6}) {
    for (const std::size_t rows : {20U, 400U}) {
      for (const std::uint64_t seed : {1U, 2U, 3U}) {
        SCOPED_TRACE(testing::Message() << size << ", " << rows << " rows, seed " << seed);
        Random random(seed);
        const Matrix y = test::random_matrix(rows, 2, random);
        Matrix row = features_for(y, 12, random);
        for (double& value : row.view().row(rows / 3)) {
          value *= size;
        }
        const double of_row = rounding(row, y);
        Matrix coordinate = features_for(y, 12, random);
        for (std::size_t i = 0; i < rows; ++i) {
          coordinate(i, 7) = size;
        }
        for (double& value : coordinate.view().row(0)) {
          value = 0;
        }
        const double of_coordinate = rounding(coordinate, y);
        if (size >= 2e5) {
          EXPECT_GT(of_row, 1e-8);
          EXPECT_GT(of_coordinate, 1e-8);
        } else if (size <= 1e2) {
          EXPECT_LT(of_row, 1e-8);
          EXPECT_LT(of_coordinate, 1e-8);
        }
      }
    }
  }
}

// The mean of (|x_i - x_j|^2 / 2) (|x_k - x_l|^2 / 2) over different i, j, k, l, times N (N - 3).
double naive_squared_variance(const Matrix& x) {
  const std::size_t n = x.rows();
  const auto half_square = [&](std::size_t i, std::size_t j) {
    long double sum = 0;
    for (std::size_t k = 0; k < x.cols(); ++k) {
      const long double step = static_cast<long double>(x(i, k)) - x(j, k);
      sum += step * step / 2;
    }
    return sum;
  };
  long double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < n; ++k) {
        for (std::size_t l = 0; l < n; ++l) {
          const bool differ = i != j && i != k && i != l && j != k && j != l && k != l;
          sum += differ ? half_square(i, j) * half_square(k, l) : 0;
        }
      }
    }
  }
  const auto size = static_cast<long double>(n);
  return static_cast<double>(sum / ((size - 1) * (size - 2)));
}

TEST_F(UnbiasedCkaOnBackend, SquaredVarianceIsTheMeanOverDifferentSamples) {
  for (const std::size_t rows : {4U, 5U, 12U}) {
    for (const double offset : {0.0, 1e4}) {
      Random random(rows);
      Matrix x = test::random_matrix(rows, 3, random);
      for (double& value : x.values()) {
        value += offset;
      }
      const double wanted = naive_squared_variance(x);
      const UnbiasedHsic found =
          unbiased_hsic(test::folded(backend(), x, test::random_matrix(rows, 1, random)));
      EXPECT_NEAR(found.traces, wanted, (offset > 0 ? 1e-10 : 1e-13) * wanted);
    }
  }
}

// Means over draws of 10 samples: of what is without bias, the true value, and of the plain one, not.
TEST_F(UnbiasedCkaOnBackend, ParticipationRatioHasNoBiasOfFewSamples) {
  const std::vector<double> deviations{2, 1, 1, 0.5, 0.5, 0.25};
  double variance = 0;
  double squares = 0;
  for (const double deviation : deviations) {
    variance += deviation * deviation;
    squares += std::pow(deviation, 4);
  }
  constexpr std::size_t draws = 4000;
  constexpr double rows = 10;
  Random random(11);
  struct Mean {
    double sum = 0;
    double square = 0;
    void add(double value) {
      sum += value;
      square += value * value;
    }
    [[nodiscard]] double value() const { return sum / draws; }
    [[nodiscard]] double error() const { return std::sqrt((square / draws - value() * value()) / draws); }
  };
  Mean traces;
  Mean xx;
  Mean plain;
  for (std::size_t draw = 0; draw < draws; ++draw) {
    Matrix x = test::random_matrix(static_cast<std::size_t>(rows), deviations.size(), random);
    for (std::size_t i = 0; i < x.rows(); ++i) {
      for (std::size_t j = 0; j < x.cols(); ++j) {
        x(i, j) *= deviations[j];
      }
    }
    const Moments moments = test::folded(backend(), x, Matrix(x.rows(), 1));
    const UnbiasedHsic found = unbiased_hsic(moments);
    traces.add(found.traces / (rows * (rows - 3)));
    xx.add(found.xx / (rows * (rows - 3)));
    double sum = 0;
    for (const double value : moments.feature_scatter.products.values()) {
      sum += value * value / (rows - 1) / (rows - 1);
    }
    plain.add(sum);
  }
  EXPECT_LT(std::abs(traces.value() - variance * variance), 4 * traces.error());
  EXPECT_LT(std::abs(xx.value() - squares), 4 * xx.error());
  EXPECT_GT(std::abs(plain.value() - squares), 20 * plain.error());
}

TEST_F(UnbiasedCkaOnBackend, ParticipationRatioKnowsItsRounding) {
  for (const double size : {1e1, 1e3, 1e5, 1e6}) {
    Random random(5);
    Matrix x = test::random_matrix(12, 8, random);
    for (double& value : x.view().row(4)) {
      value *= size;
    }
    const UnbiasedHsic found = unbiased_hsic(test::folded(backend(), x, test::random_matrix(12, 1, random)));
    const double right = naive_squared_variance(x) / test::naive_hsic(x, x);
    if (found.xx > 0 && found.participation_rounding < 1) {
      EXPECT_LE(std::abs(found.traces / found.xx - right), found.participation_rounding * right);
    }
    EXPECT_EQ(found.participation_rounding <= 1e-8 && found.xx > 0, size <= 1e3) << size;
  }
}

TEST_F(UnbiasedCkaOnBackend, FewRowsHaveNone) {
  Random random(4);
  const UnbiasedHsic found = unbiased_hsic(
      test::folded(backend(), test::random_matrix(3, 2, random), test::random_matrix(3, 1, random)));
  EXPECT_EQ(found.xx, 0);
  EXPECT_EQ(found.cka_rounding, 0);
}

}  // namespace
}  // namespace collapscope
