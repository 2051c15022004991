// The mean squared canonical correlation of features and targets: known answers, invariance, and whether its
// rounding is known where small directions of the features carry the targets.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "collapscope/metrics/metrics.hpp"
#include "core/support.hpp"
#include "linalg/blas.hpp"
#include "linalg/coordinates.hpp"
#include "linalg/decompose.hpp"
#include "support/test_backend.hpp"

namespace collapscope {
namespace {

using test::eps;
using test::Random;

class CanonicalOnBackend : public test::OnBackend {
 protected:
  CanonicalCorrelation correlation(const Matrix& features, const Matrix& targets) {
    Moments moments = test::folded(backend(), features, targets);
    const double rows = static_cast<double>(moments.count);
    for (Matrix* scatter :
         {&moments.feature_scatter.products, &moments.cross_scatter, &moments.target_scatter}) {
      for (double& value : scatter->values()) {
        value /= rows;
      }
    }
    const Eigenbasis basis = linalg::symmetric_eigen(moments.feature_scatter.products);
    TargetSummary of_targets;
    of_targets.spectrum = linalg::symmetric_eigen(moments.target_scatter);
    double trace = 0;
    for (const double value : basis.values) {
      trace += value;
    }
    const double error = std::sqrt(static_cast<double>(features.cols())) * eps * trace;
    return canonical_correlation(basis.values,
                                 linalg::coordinates(basis, linalg::transposed(moments.cross_scatter)),
                                 of_targets, error);
  }
};

// Columns of +1 and -1, of mean 0, orthogonal to one another: of Sylvester's matrix of order `rows`.
Matrix signs(std::size_t rows, std::size_t first, std::size_t count) {
  Matrix out(rows, count);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      out(i, j) = __builtin_parityll(i & (first + j)) != 0 ? -1 : 1;
    }
  }
  return out;
}

// Targets j = rho_j of feature j and the rest of a direction of their own.
Matrix targets_of(const Matrix& features, const Matrix& others, const std::vector<double>& rho) {
  Matrix out(features.rows(), rho.size());
  for (std::size_t i = 0; i < out.rows(); ++i) {
    for (std::size_t j = 0; j < rho.size(); ++j) {
      out(i, j) = rho[j] * features(i, j) + std::sqrt(1 - rho[j] * rho[j]) * others(i, j);
    }
  }
  return out;
}

Matrix times(const Matrix& a, const Matrix& b) {
  return linalg::product(a, linalg::Transpose::no, b, linalg::Transpose::no);
}

TEST_F(CanonicalOnBackend, IsTheMeanSquareOfKnownCorrelations) {
  const Matrix z = signs(64, 1, 5);
  const Matrix y = targets_of(z, signs(64, 16, 3), {0.9, 0.5, 0});
  EXPECT_NEAR(correlation(z, y).mean_square, (0.81 + 0.25) / 3, 64 * eps);
  EXPECT_NEAR(correlation(z, test::rows_of(z, 0, 64)).mean_square, 1, 64 * eps);
  EXPECT_NEAR(correlation(z, signs(64, 16, 3)).mean_square, 0, 64 * eps);
}

TEST_F(CanonicalOnBackend, NoInvertibleMapOfEitherSideMovesIt) {
  Random random(7);
  const Matrix z = signs(128, 1, 6);
  const Matrix y = targets_of(z, signs(128, 32, 3), {0.99, 0.7, 0.1});
  const double wanted = (0.99 * 0.99 + 0.49 + 0.01) / 3;
  const CanonicalCorrelation found =
      correlation(times(z, test::random_matrix(6, 6, random)), times(y, test::random_matrix(3, 3, random)));
  EXPECT_NEAR(found.mean_square, wanted, found.rounding);
  EXPECT_LT(found.rounding, 1e-9);
}

TEST_F(CanonicalOnBackend, CountsTheRankOfTargetsAndLeavesOutFeaturesWithoutVariance) {
  Random random(8);
  const Matrix z = signs(128, 1, 3);
  const Matrix y = targets_of(z, signs(128, 32, 2), {0.8, 0.4});
  const double wanted = (0.64 + 0.16) / 2;
  EXPECT_NEAR(correlation(z, times(y, test::random_matrix(2, 4, random))).mean_square, wanted, 1e-10);
  EXPECT_NEAR(correlation(times(z, test::random_matrix(3, 9, random)), y).mean_square, wanted, 1e-10);
}

TEST_F(CanonicalOnBackend, KnowsItsRounding) {
  for (const double least : {1.0, 1e-2, 1e-3, 1e-4}) {  // standard deviation of the smallest direction
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      SCOPED_TRACE(testing::Message() << least << ", seed " << seed);
      Random random(seed);
      Matrix scaled = signs(256, 1, 30);
      const Matrix y = targets_of(test::rows_of(scaled, 0, 256), signs(256, 64, 4), {0.9, 0.8, 0.7, 0.6});
      for (std::size_t i = 0; i < scaled.rows(); ++i) {
        for (std::size_t j = 0; j < 4; ++j) {
          scaled(i, j) *= std::pow(least, static_cast<double>(j + 1) / 4);
        }
      }
      const CanonicalCorrelation found =
          correlation(times(scaled, test::random_orthonormal(30, 30, random)), y);
      EXPECT_NEAR(found.mean_square, (0.81 + 0.64 + 0.49 + 0.36) / 4, found.rounding);
      EXPECT_LT(found.rounding, 1e-12 / (least * least));
    }
  }
}

TEST(Canonical, SaysHowFarRoundingGoesOrThatItDecides) {
  TargetSummary targets;
  targets.spectrum = {{2, 1}, test::identity(2)};
  LayerSummary layer;
  layer.total_variance = layer.target_variance = layer.mean_square = 1;
  layer.samples = 50;
  layer.feature_mean = {0, 0};
  layer.spectrum = {{0.5, 0.5}, test::identity(2)};
  layer.cross_covariance = Matrix(2, 2);
  layer.signal_dim = 2;
  const auto found = [&](std::optional<CanonicalCorrelation> canonical, double product_rounding) {
    layer.canonical = canonical;
    layer.product_rounding = product_rounding;
    return *layer_metrics(layer, targets, 1).find("target_cca");
  };
  EXPECT_EQ(found(CanonicalCorrelation{0.5, 4e-9}, 0).note, "");
  EXPECT_EQ(found(CanonicalCorrelation{0.5, 4e-7}, 0).note, "ill-conditioned: right to about 1e-06");
  EXPECT_EQ(found(CanonicalCorrelation{0.5, 4e-7}, 0).number(), 0.5);
  EXPECT_EQ(found(CanonicalCorrelation{0.5, 1e-4}, 0).note, "ill-conditioned: rounding");
  EXPECT_FALSE(found(CanonicalCorrelation{0.5, 1e-4}, 0).defined());
  EXPECT_EQ(found(CanonicalCorrelation{0.5, 4e-7}, 1e-7).note, "");  // 1e-4 is what fast precision promises
  EXPECT_EQ(found(CanonicalCorrelation{0.5, 1e-4}, 1e-7).note, "not in fast precision");
  EXPECT_FALSE(found(CanonicalCorrelation{0.5, test::nan}, 0).defined());
  EXPECT_EQ(found(std::nullopt, 0).note, "needs more eigenpairs");
  targets.spectrum.values = {0, 0};
  EXPECT_EQ(found(CanonicalCorrelation{}, 0).note, "zero target variance");
}

}  // namespace
}  // namespace collapscope
