// A row counts by its own scale, however small it is beside the mean and the other rows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/support.hpp"
#include "support/test_backend.hpp"

namespace collapscope {
namespace {

using test::eps;
using test::Random;

constexpr double subnormal = std::numeric_limits<double>::denorm_min();
const std::vector<double> scales{0.3,   0.1,    1e-2,   1e-6,   1e-9,   1e-12,  1e-16, 1e-20,
                                 1e-77, 1e-138, 1e-142, 1e-160, 1e-200, 1e-300, 1e-308};

struct Layer {
  Matrix features;
  Matrix basis;  // [d, d]: most of each row lies along the first k
};

// Rows of which `share` (of their length) lies outside the first k directions; every `period`-th is times
// `scale`, and `period` rows are 0.
Layer layer(std::size_t rows, std::size_t d, std::size_t k, double share, double offset, double scale,
            std::size_t period) {
  Random random(d + rows);
  Layer made{Matrix(rows, d), test::random_orthonormal(d, d, random)};
  for (std::size_t i = 0; i < rows; ++i) {
    if (i % period == 2) {
      continue;
    }
    const double size = i % period == 1 ? scale : 1;
    for (std::size_t q = 0; q < d; ++q) {
      const double along = (random.normal() + offset) * (q < k ? 1.0 : share);
      for (std::size_t j = 0; j < d; ++j) {
        made.features(i, j) += size * along * made.basis(q, j);
      }
    }
  }
  return made;
}

std::vector<double> mean_of_rows(const Matrix& a) {
  std::vector<double> mean(a.cols(), 0.0);
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.cols(); ++j) {
      mean[j] += a(i, j) / static_cast<double>(a.rows());
    }
  }
  return mean;
}

void expect_same_share(const SubspaceResiduals& found, const SubspaceResiduals& expected, double relative) {
  EXPECT_NEAR(found.plain, expected.plain, relative * expected.plain);
  EXPECT_NEAR(found.normalized, expected.normalized, relative * expected.normalized);
  EXPECT_NEAR(found.centred, expected.centred, relative * expected.centred);
  EXPECT_NEAR(found.centred_normalized, expected.centred_normalized, relative * expected.centred_normalized);
}

class TinyRowsOnBackend : public test::OnBackend {
 protected:
  ResidualSums looked(const LookSpec& spec, const Matrix& features, const Matrix& targets) {
    const std::size_t tile = backend().tile_rows(features.cols());
    const auto look = backend().make_look(spec);
    for (std::size_t first = 0; first < features.rows(); first += tile) {
      const std::size_t rows = std::min(tile, features.rows() - first);
      const auto values = features.values().subspan(first * features.cols(), rows * features.cols());
      look->add({std::as_bytes(values), 0, rows, first}, targets.view().middle_rows(first, rows));
    }
    return look->finish();
  }

  void expect_right(const Layer& made, std::size_t k, double relative) {
    const std::size_t d = made.features.cols();
    Random random(3);
    const Matrix targets = test::random_matrix(made.features.rows(), 2, random);
    LookSpec spec;
    spec.format.channels = d;
    spec.rows = made.features.rows();
    spec.feature_mean = mean_of_rows(made.features);
    spec.target_mean = {0.1, 0.2};
    spec.signal = test::rows_of(made.basis, 0, k);
    spec.affine = test::random_matrix(2, d, random);
    spec.published = test::random_matrix(2, d, random);
    const SubspaceResiduals expected = test::naive_residuals(made.features, spec.signal, spec.feature_mean);
    spec.weight = spec.signal;
    const ResidualSums sums = looked(spec, made.features, targets);
    expect_same_share(sums.signal, expected, relative);
    expect_same_share(sums.weight, expected, relative);
    spec.weight = test::rows_of(made.basis, k, d - k);
    spec.weight_is_complement = true;
    expect_same_share(looked(spec, made.features, targets).weight, expected, relative);

    long double affine = 0;
    long double published = 0;
    for (std::size_t i = 0; i < made.features.rows(); ++i) {
      for (std::size_t j = 0; j < 2; ++j) {
        long double centred = static_cast<long double>(targets(i, j)) - spec.target_mean[j];
        long double plain = centred;
        for (std::size_t c = 0; c < d; ++c) {
          const long double value = made.features(i, c);
          centred -= (value - spec.feature_mean[c]) * spec.affine(j, c);
          plain -= value * spec.published(j, c);
        }
        affine += centred * centred;
        published += plain * plain;
      }
    }
    EXPECT_NEAR(sums.affine, static_cast<double>(affine), 1e-11 * static_cast<double>(affine));
    EXPECT_NEAR(sums.published, static_cast<double>(published), 1e-11 * static_cast<double>(published));
  }
};

TEST_F(TinyRowsOnBackend, TheSecondLookSeesTheirDirection) {
  for (const double scale : scales) {
    for (const double offset : {0.0, 1.0, 1e4}) {
      SCOPED_TRACE(testing::Message() << "times " << scale << ", offset " << offset);
      expect_right(layer(150, 7, 2, 1.0, offset, scale, 75), 2, 1e-11);
    }
  }
}

TEST_F(TinyRowsOnBackend, TheSecondLookSeesTheirDirectionWhereLittleIsOutside) {
  for (const double scale : scales) {
    SCOPED_TRACE(testing::Message() << "times " << scale);
    expect_right(layer(150, 12, 3, 1e-5, 1.0, scale, 75), 3, 1e-9);
  }
}

TEST_F(TinyRowsOnBackend, TheSecondLookTakesManyOfThem) {
  expect_right(layer(900, 6, 2, 1.0, 3.0, 1e-7, 3), 2, 1e-11);
  expect_right(layer(300, 70, 30, 1e-3, 3.0, 1e-30, 3), 30, 1e-9);  // so many maps that the BLAS is asked
}

TEST_F(TinyRowsOnBackend, ThePartOfASubnormalRowIsRight) {
  Layer made = layer(40, 3, 1, 1.0, 0.5, 1.0, 20);
  made.basis = Matrix(3, 3);
  made.basis(0, 0) = made.basis(1, 1) = made.basis(2, 2) = 1;
  for (const double size : {1.0, 3.0, 1e10}) {
    for (std::size_t j = 0; j < 3; ++j) {
      made.features(5, j) = size * subnormal;
    }
    expect_right(made, 1, 1e-12);
  }
}

TEST_F(TinyRowsOnBackend, OneLookSeesTheirDirection) {
  std::vector<double> all = scales;
  all.push_back(1e-310);
  all.push_back(subnormal);
  for (const double scale : all) {
    SCOPED_TRACE(testing::Message() << "times " << scale);
    Matrix features(5, 4);
    features(0, 1) = features(3, 0) = 1;
    for (std::size_t j = 0; j < 3; ++j) {  // (1, 2, 0, 2) and 0, 0 tiny
      features(4, j == 2 ? 3 : j) = scale * (j == 0 ? 1 : 2);
    }
    const Moments m = test::folded(backend(), features, Matrix(5, 1));
    EXPECT_EQ(m.zero_rows, 2U);
    EXPECT_NEAR(m.normalized_scatter(0, 0), 1 + 1.0 / 9, 16 * eps);
    EXPECT_NEAR(m.normalized_scatter(1, 1), 1 + 4.0 / 9, 16 * eps);
    EXPECT_NEAR(m.normalized_scatter(1, 3), 4.0 / 9, 16 * eps);
    EXPECT_NEAR(m.normalized_scatter(2, 2), 0, 16 * eps);
  }
}

}  // namespace
}  // namespace collapscope
