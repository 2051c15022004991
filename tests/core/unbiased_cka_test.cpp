// The unbiased CKA, and whether its rounding is known where one row or coordinate outweighs all others.
#include "core/unbiased_cka.hpp"

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

TEST_F(UnbiasedCkaOnBackend, FewRowsHaveNone) {
  Random random(4);
  const UnbiasedHsic found = unbiased_hsic(
      test::folded(backend(), test::random_matrix(3, 2, random), test::random_matrix(3, 1, random)));
  EXPECT_EQ(found.xx, 0);
  EXPECT_EQ(found.cka_rounding, 0);
}

}  // namespace
}  // namespace collapscope
