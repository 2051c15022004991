// The second look against plain loops: residuals outside subspaces, down to tiny shares.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "collapscope/core/error.hpp"
#include "core/support.hpp"
#include "support/test_backend.hpp"

namespace collapscope {
namespace {

using test::eps;
using test::Random;

std::vector<double> mean_of(const Matrix& a) {
  std::vector<double> mean(a.cols(), 0.0);
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.cols(); ++j) {
      mean[j] += a(i, j) / static_cast<double>(a.rows());
    }
  }
  return mean;
}

LookSpec spec_for(const Matrix& features, const Matrix& targets, const Matrix& signal) {
  LookSpec spec;
  spec.format.channels = features.cols();
  spec.rows = features.rows();
  spec.feature_mean = mean_of(features);
  spec.target_mean = mean_of(targets);
  spec.signal = signal;
  spec.affine = Matrix(targets.cols(), features.cols());
  spec.published = Matrix(targets.cols(), features.cols());
  return spec;
}

void add_tiles(Fold& to, std::size_t tile, const Matrix& features, const Matrix& targets) {
  test::Padded padded(targets);
  for (std::size_t first = 0; first < features.rows(); first += tile) {
    const std::size_t rows = std::min(tile, features.rows() - first);
    const auto values = features.values().subspan(first * features.cols(), rows * features.cols());
    to.add({std::as_bytes(values), 0, rows, first}, padded.view().middle_rows(first, rows));
  }
}

class LookOnBackend : public test::OnBackend {
 protected:
  ResidualSums looked(const LookSpec& spec, const Matrix& features, const Matrix& targets) {
    const auto look = backend().make_look(spec);
    add_tiles(*look, backend().tile_rows(features.cols()), features, targets);
    return look->finish();
  }
};

void expect_near(const SubspaceResiduals& found, const SubspaceResiduals& expected, double relative) {
  EXPECT_NEAR(found.plain, expected.plain, relative * expected.plain);
  EXPECT_NEAR(found.normalized, expected.normalized, relative * expected.normalized);
  EXPECT_NEAR(found.centred, expected.centred, relative * expected.centred);
  EXPECT_NEAR(found.centred_normalized, expected.centred_normalized, relative * expected.centred_normalized);
}

// Sums of N terms of d products each, with residuals not far below the rows themselves.
double tolerance(const Matrix& rows) {
  return 16 * eps * (static_cast<double>(rows.cols()) + std::sqrt(static_cast<double>(rows.rows())));
}

TEST_F(LookOnBackend, RandomSubspaces) {
  for (const std::size_t rows : {1U, 2U, 131U, 5000U}) {
    for (const std::size_t k : {0U, 1U, 3U, 7U}) {
      SCOPED_TRACE(testing::Message() << rows << " rows, k = " << k);
      Random random(100 * rows + k);
      const Matrix features = test::random_matrix(rows, 9, random);
      const Matrix targets = test::random_matrix(rows, 2, random);
      LookSpec spec = spec_for(features, targets, test::random_orthonormal(k, 9, random));
      if (rows == 1) {
        spec.feature_mean[0] += 1;  // else the row is its own mean
      }
      const ResidualSums sums = looked(spec, features, targets);
      EXPECT_EQ(sums.count, rows);
      expect_near(sums.signal, test::naive_residuals(features, spec.signal, spec.feature_mean),
                  tolerance(features));
      EXPECT_EQ(sums.weight.plain, 0);  // no weight was given
      EXPECT_EQ(sums.weight.normalized, 0);
    }
  }
}

TEST_F(LookOnBackend, WeightBasisAndItsComplementAgree) {
  Random random(7);
  const Matrix features = test::random_matrix(300, 10, random);
  const Matrix targets = test::random_matrix(300, 2, random);
  const Matrix all = test::random_orthonormal(10, 10, random);
  for (const std::size_t r : {0U, 1U, 4U, 9U}) {
    SCOPED_TRACE(r);
    LookSpec spec = spec_for(features, targets, test::random_orthonormal(2, 10, random));
    const SubspaceResiduals expected =
        test::naive_residuals(features, test::rows_of(all, 0, r), spec.feature_mean);
    if (r > 0) {
      spec.weight = test::rows_of(all, 0, r);
      expect_near(looked(spec, features, targets).weight, expected, tolerance(features));
    }
    spec.weight = test::rows_of(all, r, 10 - r);
    spec.weight_is_complement = true;
    expect_near(looked(spec, features, targets).weight, expected, tolerance(features));
  }
}

TEST_F(LookOnBackend, TheWholeSpaceLeavesNothing) {
  Random random(8);
  const std::size_t d = 12;
  const Matrix features = test::random_matrix(50, d, random);
  const Matrix targets = test::random_matrix(50, 1, random);
  const ResidualSums sums =
      looked(spec_for(features, targets, test::random_orthonormal(d, d, random)), features, targets);
  const double rounding = 50 * std::pow(static_cast<double>(d) * eps, 2);
  EXPECT_LE(sums.signal.normalized, rounding);
  EXPECT_LE(sums.signal.centred_normalized, rounding);
}

TEST_F(LookOnBackend, ZeroRowsAndRowsAtTheMeanHaveNoDirection) {
  Matrix features(4, 3);
  features(0, 0) = 2;  // rows (2, 0, 0), (0, 2, 0), (0, 0, 0) and their mean
  features(1, 1) = 2;
  features(3, 0) = features(3, 1) = 0.5;
  const Matrix targets(4, 1);
  Matrix signal(1, 3);
  signal(0, 0) = 1;
  LookSpec spec = spec_for(features, targets, signal);
  ASSERT_EQ(spec.feature_mean[0], 0.625);
  spec.feature_mean = {0.5, 0.5, 0};
  const ResidualSums sums = looked(spec, features, targets);
  EXPECT_NEAR(sums.signal.plain, 4 + 0.25, 16 * eps);
  EXPECT_NEAR(sums.signal.normalized, 1 + 0.5, 16 * eps);  // the zero row adds nothing
  EXPECT_NEAR(sums.signal.centred, 0.25 + 2.25 + 0.25, 16 * eps);
  EXPECT_NEAR(sums.signal.centred_normalized, 0.1 + 0.9 + 0.5, 16 * eps);  // nor does the mean itself
}

TEST_F(LookOnBackend, FarMeans) {
  for (const std::size_t d : {6U, 30U}) {
    Random random(d);
    Matrix features = test::random_matrix(400, d, random);
    const Matrix targets = test::random_matrix(400, 2, random);
    for (double& value : features.values()) {
      value += 1e4;
    }
    const LookSpec spec = spec_for(features, targets, test::random_orthonormal(3, d, random));
    const ResidualSums sums = looked(spec, features, targets);
    const SubspaceResiduals expected = test::naive_residuals(features, spec.signal, spec.feature_mean);
    // A centred row carries eps 1e4 from nothing but the stored mean, which both sides use.
    expect_near(sums.signal, expected, tolerance(features));
  }
}

TEST_F(LookOnBackend, TinyResidualsComeOutRight) {
  Random random(13);
  const std::size_t d = 20;
  const Matrix basis = test::random_orthonormal(d, d, random);
  for (const double offset : {0.0, 10.0}) {
    Matrix features(500, d);
    for (std::size_t i = 0; i < features.rows(); ++i) {
      for (std::size_t q = 0; q < d; ++q) {
        const double along = (random.normal() + offset) * (q < 3 ? 1.0 : 1e-6);
        for (std::size_t j = 0; j < d; ++j) {
          features(i, j) += along * basis(q, j);
        }
      }
    }
    const Matrix targets(500, 1);
    LookSpec spec = spec_for(features, targets, test::rows_of(basis, 0, 3));
    spec.weight = test::rows_of(basis, 3, d - 3);
    spec.weight_is_complement = true;
    const ResidualSums sums = looked(spec, features, targets);
    const SubspaceResiduals expected = test::naive_residuals(features, spec.signal, spec.feature_mean);
    ASSERT_LT(expected.centred, 1e-10 * 500);
    expect_near(sums.signal, expected, 1e-6);
    expect_near(sums.weight, expected, 1e-6);
  }
}

TEST_F(LookOnBackend, ErrorsOfTheLinearMaps) {
  Random random(17);
  Matrix features = test::random_matrix(5000, 4, random);
  const Matrix targets = test::random_matrix(5000, 2, random);
  for (double& value : features.values()) {
    value += 5;
  }
  LookSpec spec = spec_for(features, targets, test::random_orthonormal(1, 4, random));
  spec.affine = test::random_matrix(2, 4, random);
  spec.published = test::random_matrix(2, 4, random);
  long double affine = 0;
  long double published = 0;
  for (std::size_t i = 0; i < features.rows(); ++i) {
    for (std::size_t j = 0; j < 2; ++j) {
      long double centred = static_cast<long double>(targets(i, j)) - spec.target_mean[j];
      long double plain = centred;
      for (std::size_t c = 0; c < 4; ++c) {
        centred -= (static_cast<long double>(features(i, c)) - spec.feature_mean[c]) * spec.affine(j, c);
        plain -= static_cast<long double>(features(i, c)) * spec.published(j, c);
      }
      affine += centred * centred;
      published += plain * plain;
    }
  }
  const ResidualSums sums = looked(spec, features, targets);
  EXPECT_NEAR(sums.affine, static_cast<double>(affine), tolerance(features) * static_cast<double>(affine));
  EXPECT_NEAR(sums.published, static_cast<double>(published),
              tolerance(features) * static_cast<double>(published));
}

TEST_F(LookOnBackend, MapsThatAreNotWantedAreLeftOut) {
  Random random(18);
  const Matrix features = test::random_matrix(300, 6, random);
  const Matrix targets = test::random_matrix(300, 2, random);
  LookSpec spec = spec_for(features, targets, test::random_orthonormal(2, 6, random));
  spec.weight = test::random_orthonormal(1, 6, random);
  spec.affine = test::random_matrix(2, 6, random);
  spec.published = test::random_matrix(2, 6, random);
  const ResidualSums all = looked(spec, features, targets);
  for (const bool affine : {false, true}) {
    for (const bool published : {false, true}) {
      SCOPED_TRACE(testing::Message() << affine << published);
      LookSpec fewer = spec;
      fewer.affine = affine ? spec.affine : Matrix();
      fewer.published = published ? spec.published : Matrix();
      const ResidualSums sums = looked(fewer, features, targets);
      expect_near(sums.signal, all.signal, 64 * eps);
      expect_near(sums.weight, all.weight, 64 * eps);
      EXPECT_NEAR(sums.affine, affine ? all.affine : 0, 64 * eps * all.affine);
      EXPECT_NEAR(sums.published, published ? all.published : 0, 64 * eps * all.published);
    }
  }
  LookSpec nothing = spec_for(features, targets, Matrix());
  nothing.affine = nothing.published = Matrix();
  const ResidualSums sums = looked(nothing, features, targets);
  expect_near(sums.signal, test::naive_residuals(features, Matrix(0, 6), nothing.feature_mean), 64 * eps);
  EXPECT_EQ(sums.affine, 0);
}

TEST_F(LookOnBackend, SumsOfPartsAddUp) {
  Random random(19);
  const Matrix features = test::random_matrix(40, 5, random);
  const Matrix targets = test::random_matrix(40, 2, random);
  LookSpec spec = spec_for(features, targets, test::random_orthonormal(2, 5, random));
  spec.weight = test::random_orthonormal(1, 5, random);
  const ResidualSums whole = looked(spec, features, targets);
  ResidualSums sum = looked(spec, test::rows_of(features, 0, 13), test::rows_of(targets, 0, 13));
  sum += looked(spec, test::rows_of(features, 13, 27), test::rows_of(targets, 13, 27));
  EXPECT_EQ(sum.count, 40U);
  expect_near(sum.signal, whole.signal, 64 * eps);
  expect_near(sum.weight, whole.weight, 64 * eps);
  EXPECT_NEAR(sum.affine, whole.affine, 64 * eps * whole.affine);
  EXPECT_NEAR(sum.published, whole.published, 64 * eps * whole.published);
  EXPECT_GT(whole.affine, 0);
}

TEST_F(LookOnBackend, KeptRowsGiveTheSameSums) {
  Random random(23);
  const std::size_t rows = 3 * backend().tile_rows(5) + 7;
  const Matrix features = test::random_matrix(rows, 5, random);
  const Matrix targets = test::random_matrix(rows, 2, random);
  LookSpec spec = spec_for(features, targets, test::random_orthonormal(2, 5, random));
  spec.weight = test::random_orthonormal(1, 5, random);
  FoldSpec first;
  first.format = spec.format;
  first.targets = 2;
  first.rows = rows;
  first.kept_rows = rows;
  const auto fold = backend().make_fold(first);
  add_tiles(*fold, backend().tile_rows(5), features, targets);
  EXPECT_EQ(fold->finish().count, rows);
  fold->close();
  const auto kept = fold->look_again(spec);
  EXPECT_EQ(kept.has_value(), backend().keeps_rows(features.values().size_bytes()));
  if (kept) {
    ASSERT_EQ(kept->size(), 1U);
    const ResidualSums* const again = kept->data();
    const ResidualSums sums = looked(spec, features, targets);
    EXPECT_EQ(again->count, sums.count);
    expect_near(again->signal, sums.signal, tolerance(features));
    expect_near(again->weight, sums.weight, tolerance(features));
    EXPECT_NEAR(again->affine, sums.affine, tolerance(features) * sums.affine);
    EXPECT_NEAR(again->published, sums.published, tolerance(features) * sums.published);
  }
}

TEST_F(LookOnBackend, TilesAreTheCallersAgainOnceSettled) {
  Random random(29);
  const std::size_t tile = backend().tile_rows(4);
  const Matrix features = test::random_matrix(4 * tile + 3, 4, random);
  const Matrix targets = test::random_matrix(features.rows(), 1, random);
  const LookSpec spec = spec_for(features, targets, test::random_orthonormal(2, 4, random));
  const auto look = backend().make_look(spec);
  for (std::size_t first = 0; first < features.rows(); first += tile) {
    Matrix bytes = test::rows_of(features, first, std::min(tile, features.rows() - first));
    Matrix labels = test::rows_of(targets, first, bytes.rows());
    look->add({std::as_bytes(std::as_const(bytes).values()), 0, bytes.rows(), first}, labels.view());
    std::fill(labels.values().begin(), labels.values().end(), test::nan);
    look->settle();
    std::fill(bytes.values().begin(), bytes.values().end(), test::nan);
  }
  const ResidualSums sums = look->finish();
  const ResidualSums expected = looked(spec, features, targets);
  EXPECT_EQ(sums.signal.plain, expected.signal.plain);
  EXPECT_EQ(sums.affine, expected.affine);
}

TEST_F(LookOnBackend, RefusesWhatItCannotSum) {
  Matrix features(3, 2);
  const LookSpec spec = spec_for(features, Matrix(3, 1), Matrix(0, 2));
  const RawTile tile{std::as_bytes(std::as_const(features).values()), 0, 3, 30};
  EXPECT_NO_THROW(backend().make_look(spec)->add(tile, Matrix(3, 1).view()));
  EXPECT_THROW(backend().make_look(spec)->add(tile, Matrix(2, 1).view()), UsageError);
  EXPECT_THROW(backend().make_look(spec)->add(tile, Matrix(3, 2).view()), UsageError);
  features(1, 0) = test::infinity;
  const auto look = backend().make_look(spec);
  try {
    look->add(tile, Matrix(3, 1).view());
    (void)look->finish();
    FAIL() << "an Inf was summed";
  } catch (const NonFiniteSample& offending) {
    EXPECT_EQ(offending.sample, 31U);
  }
}

}  // namespace
}  // namespace collapscope
