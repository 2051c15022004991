// Eigenpairs of covariances of few rows, against a decomposition of everything.
#include "linalg/low_rank_eigen.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/support.hpp"
#include "linalg/decompose.hpp"

namespace collapscope {
namespace {

using test::eps;
using test::Random;

// The eigenvalues, then zeros.
Matrix of_rank(std::vector<double> values, std::size_t d, Random& random) {
  values.resize(d, 0.0);
  return test::covariance(values, random);
}

TEST(LowRankEigen, PairsAreThoseOfAll) {
  for (const double scale : {1.0, 1e-150, 1e140}) {
    for (const double ratio : {0.9, 0.3, 1e-2}) {
      Random random(5);
      std::vector<double> values;
      for (double value = scale; values.size() < 11; value *= ratio) {
        values.push_back(value);
      }
      const Matrix a = of_rank(values, 90, random);
      const auto found = linalg::low_rank_eigen(a, 20);
      ASSERT_TRUE(found);
      EXPECT_TRUE(found->is_full());
      EXPECT_EQ(found->size(), 20U);
      EXPECT_EQ(found->vectors.cols(), 90U);
      EXPECT_EQ(found->rest_norm, 0);
      EXPECT_LE(test::orthogonality_error(found->vectors), 90 * eps);
      EXPECT_TRUE(linalg::passes_check(a, *found));
      for (std::size_t j = 0; j < found->size(); ++j) {
        EXPECT_NEAR(found->values[j], j < values.size() ? values[j] : 0, 90 * eps * scale) << j;
      }
    }
  }
}

TEST(LowRankEigen, GivesUpWhereMoreIsThere) {
  Random random(6);
  std::vector<double> values(30, 1.0);
  EXPECT_FALSE(linalg::low_rank_eigen(of_rank(values, 90, random), 20));
  values.resize(12);
  values.resize(90, 1e-9);
  EXPECT_FALSE(linalg::low_rank_eigen(of_rank(values, 90, random), 20));
}

TEST(LowRankEigen, GivesUpOnWhatItCannotDo) {
  Random random(7);
  Matrix a = of_rank({3, 2}, 40, random);
  EXPECT_FALSE(linalg::low_rank_eigen(a, 0));
  EXPECT_FALSE(linalg::low_rank_eigen(a, 40));
  EXPECT_FALSE(linalg::low_rank_eigen(Matrix(40, 40), 12));
  EXPECT_FALSE(linalg::low_rank_eigen(Matrix(40, 30), 12));
  a(3, 4) = test::nan;
  EXPECT_FALSE(linalg::low_rank_eigen(a, 12));
}

}  // namespace
}  // namespace collapscope
