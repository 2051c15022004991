// The first look against plain loops: sizes, far means, drift, segments, constant columns.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "collapscope/core/error.hpp"
#include "core/segment_tree.hpp"
#include "core/support.hpp"
#include "cpu/row_pass.hpp"
#include "support/test_backend.hpp"

namespace collapscope {
namespace {

using test::eps;
using test::folded;
using test::naive_moments;
using test::Random;

struct Data {
  Matrix features;
  Matrix targets;
};

// Targets follow the features, with noise; every column lies `offset` away from 0; a few rows are 0.
Data make_data(std::size_t rows, std::size_t d, std::size_t n, double offset, std::uint64_t seed) {
  Random random(seed);
  Data data{test::random_matrix(rows, d, random), test::random_matrix(rows, n, random)};
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      data.targets(i, j) += data.features(i, j % d) + offset;
    }
    for (std::size_t j = 0; j < d; ++j) {
      data.features(i, j) = i % 97 == 5 && offset == 0 ? 0 : data.features(i, j) + offset;
    }
  }
  return data;
}

class FoldOnBackend : public test::OnBackend {};

TEST_F(FoldOnBackend, TinyValuesByHand) {
  Matrix features(3, 2);
  Matrix targets(3, 1);
  const double h[3][2] = {{3, 4}, {0, 0}, {3, -4}};
  const double y[3] = {1, 2, 6};
  for (std::size_t i = 0; i < 3; ++i) {
    features(i, 0) = h[i][0];
    features(i, 1) = h[i][1];
    targets(i, 0) = y[i];
  }
  // Means (2, 0) and 3: x = (1, 4), (-2, 0), (1, -4), y' = -2, -1, 3; a = 17, 4, 17, b = 4, 1, 9.
  const Moments m = folded(backend(), features, targets);
  const auto near = [](double found, double expected) { EXPECT_NEAR(found, expected, 16 * eps * 600); };
  EXPECT_EQ(m.count, 3U);
  EXPECT_EQ(m.zero_rows, 1U);
  near(m.norm_sum, 10);
  near(m.feature_mean[0], 2);
  near(m.feature_mean[1], 0);
  near(m.target_mean[0], 3);
  near(m.feature_scatter(0, 0), 6);
  near(m.feature_scatter(1, 1), 32);
  near(m.feature_scatter(0, 1), 0);
  near(m.cross_scatter(0, 0), 3);
  near(m.cross_scatter(1, 0), -20);
  near(m.target_scatter(0, 0), 14);
  near(m.unbiased.aa, 594);
  near(m.unbiased.ab, 225);
  near(m.unbiased.bb, 98);
  near(m.unbiased.a_x[0], 26);
  near(m.unbiased.a_x[1], 0);
  near(m.unbiased.a_y[0], 13);
  near(m.unbiased.b_x[0], 11);
  near(m.unbiased.b_x[1], -20);
  near(m.unbiased.b_y[0], 18);
  near(m.normalized_scatter(0, 0), 2 * 9.0 / 25);
  near(m.normalized_scatter(1, 1), 2 * 16.0 / 25);
  near(m.normalized_scatter(0, 1), 0);
}

TEST_F(FoldOnBackend, SizesAroundTilesAndSegments) {
  const std::size_t tile = backend().tile_rows(3);
  for (const std::size_t rows : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{131}, tile - 1,
                                 tile, tile + 1, 3 * tile + 17, std::size_t{65536} + tile + 5}) {
    SCOPED_TRACE(rows);
    const Data data = make_data(rows, 3, 2, 0, rows);
    test::expect_near(folded(backend(), data.features, data.targets),
                      naive_moments(data.features, data.targets));
  }
}

// More tiles than any backend sums before it starts anew.
TEST_F(FoldOnBackend, ManyTiles) {
  const Data data = make_data(17 * backend().tile_rows(1) + 5, 1, 1, 0, 6);
  test::expect_near(folded(backend(), data.features, data.targets),
                    naive_moments(data.features, data.targets));
}

TEST_F(FoldOnBackend, WiderThanItsTiles) {
  for (const auto& [rows, d] : {std::pair{300U, 40U}, std::pair{20U, 1030U}}) {
    SCOPED_TRACE(d);
    const Data data = make_data(rows, d, 7, 0, 5);
    test::expect_near(folded(backend(), data.features, data.targets),
                      naive_moments(data.features, data.targets));
  }
  EXPECT_LT(backend().tile_rows(1U << 20U), backend().tile_rows(1));  // the tile shrinks with the row
}

TEST_F(FoldOnBackend, MeansFarFromZeroCostNoDigits) {
  for (const double offset : {1e4, 1e8}) {
    SCOPED_TRACE(offset);
    const Data data = make_data(9000, 4, 2, offset, 3);
    test::expect_near(folded(backend(), data.features, data.targets),
                      naive_moments(data.features, data.targets));
  }
  // Segments meet by their means, which are stored to eps |mean|; they are 1/256 of a deviation apart.
  const double offset = 1e6;
  const Data data = make_data(70000, 2, 1, offset, 4);
  test::expect_near(folded(backend(), data.features, data.targets),
                    naive_moments(data.features, data.targets), 1 + offset / 256);
}

TEST_F(FoldOnBackend, DriftingRows) {
  Data data = make_data(70000, 2, 1, 0, 9);
  std::sort(data.targets.values().begin(), data.targets.values().end());
  for (std::size_t i = 0; i < data.features.rows(); ++i) {
    data.features(i, 0) += static_cast<double>(i) * 1e-2;  // 700 deviations from first to last
  }
  // Sums about the first tile's mean are up to 2^4 times those about the mean.
  test::expect_near(folded(backend(), data.features, data.targets),
                    naive_moments(data.features, data.targets), 16);
}

TEST_F(FoldOnBackend, AFirstTileFarFromAllOthers) {
  const std::size_t tile = backend().tile_rows(3);
  const std::size_t rows = 3 * tile;
  Data data = make_data(rows, 3, 1, 0, 10);
  for (std::size_t i = 0; i < tile; ++i) {
    data.features(i, 0) += 1e6;
    data.features(i, 1) += i % 64 == 0 ? 1e6 : 0;
  }
  const Moments found = folded(backend(), data.features, data.targets);
  const Moments expected = naive_moments(data.features, data.targets);
  test::expect_near(found, expected, 16);
  // The third column lies as it always lay.
  EXPECT_NEAR(found.feature_scatter(2, 2), expected.feature_scatter(2, 2), 1e-13 * static_cast<double>(rows));
}

TEST_F(FoldOnBackend, ConstantColumnsHaveNoScatterAtAll) {
  for (const std::size_t rows : {5U, 70000U}) {
    Data data = make_data(rows, 3, 2, 0, 21);
    for (std::size_t i = 0; i < rows; ++i) {
      data.features(i, 1) = 1e8 + 0.1;
      data.targets(i, 0) = -1.0 / 3;
    }
    const Moments m = folded(backend(), data.features, data.targets);
    EXPECT_EQ(m.feature_mean[1], 1e8 + 0.1);
    EXPECT_EQ(m.target_mean[0], -1.0 / 3);
    for (std::size_t j = 0; j < 3; ++j) {
      EXPECT_EQ(m.feature_scatter(1, j), 0);
      EXPECT_EQ(m.feature_scatter(j, 1), 0);
      EXPECT_EQ(m.cross_scatter(j, 0), 0);
    }
    EXPECT_EQ(m.cross_scatter(1, 1), 0);
    EXPECT_EQ(m.target_scatter(0, 0), 0);
    EXPECT_EQ(m.target_scatter(0, 1), 0);
    EXPECT_GT(m.feature_scatter(0, 0), 0);
  }
}

TEST_F(FoldOnBackend, ScattersAreExactlySymmetric) {
  for (const std::size_t rows : {5000U, 40000U}) {  // one segment, and three
    const Data data = make_data(rows, 70, 3, 2, 8);
    const Moments m = folded(backend(), data.features, data.targets);
    for (std::size_t i = 0; i < 70; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        ASSERT_EQ(m.feature_scatter(i, j), m.feature_scatter(j, i));
        ASSERT_EQ(m.normalized_scatter(i, j), m.normalized_scatter(j, i));
      }
    }
  }
}

TEST_F(FoldOnBackend, SameBitsAgain) {
  const Data data = make_data(6000, 96, 3, 1, 2);
  const Moments once = folded(backend(), data.features, data.targets);
  EXPECT_TRUE(test::same(once, folded(backend(), data.features, data.targets)));
}

TEST(CpuFold, TilesNeverHaveFewerThan256Rows) { EXPECT_EQ(make_cpu_backend(1)->tile_rows(1U << 20U), 256U); }

TEST(CpuFold, SameBitsWithMoreThreads) {
  const Data data = make_data(6000, 96, 3, 1, 2);
  const Moments once = folded(*make_cpu_backend(1), data.features, data.targets);
  EXPECT_TRUE(test::same(once, folded(*make_cpu_backend(2), data.features, data.targets)));
  (void)make_cpu_backend(1);
}

// Whoever takes a segment, and whatever it took before, the segment has the same moments.
TEST_F(FoldOnBackend, SegmentsHaveTheSameBitsWhoeverTakesThem) {
  const std::size_t tile = backend().tile_rows(5);
  const std::uint64_t segment = 2 * tile;
  const Data data = make_data(6 * segment + 77, 5, 2, 1, 13);
  for (const Precision precision : {Precision::float64, Precision::fast}) {
    FoldSpec spec;
    spec.format.channels = 5;
    spec.targets = 2;
    spec.rows = segment;
    spec.normalized_scatter = true;
    spec.precision = precision;
    const auto add = [&](MomentFold& fold, std::uint64_t number) {
      const std::size_t end = std::min<std::size_t>((number + 1) * segment, data.features.rows());
      for (std::size_t first = number * segment; first < end; first += tile) {
        const std::size_t rows = std::min(tile, end - first);
        const auto bytes = std::as_bytes(std::span(data.features.data() + first * 5, rows * 5));
        fold.add({bytes, 0, rows, first}, data.targets.view().middle_rows(first, rows));
      }
      return fold.finish();
    };
    const auto one = backend().make_fold(spec);
    const auto other = backend().make_fold(spec);
    SegmentTree<Moments> in_order;
    SegmentTree<Moments> shuffled;
    for (const std::uint64_t number : {0U, 1U, 2U, 3U, 4U, 5U, 6U}) {
      in_order.put(number, add(*one, number));
    }
    for (const std::uint64_t number : {3U, 0U, 5U, 6U, 1U, 2U, 4U}) {
      shuffled.put(number, add(number % 2 == 0 ? *one : *other, number));
    }
    const Moments whole = in_order.finish();
    EXPECT_TRUE(test::same(shuffled.finish(), whole));
    if (precision == Precision::float64) {
      test::expect_near(whole, test::naive_moments(data.features, data.targets));
    }
  }
}

TEST(CpuFold, TinyAndHugeRowsHaveNorms) {
  const std::vector<double> tiny{3e-200, 4e-200};
  const std::vector<double> huge{-3e200, 4e200};
  EXPECT_NEAR(cpu::norm(tiny), 5e-200, 8 * eps * 5e-200);
  EXPECT_NEAR(cpu::norm(huge), 5e200, 8 * eps * 5e200);
}

TEST_F(FoldOnBackend, TinyRowsHaveADirection) {
  Matrix features(2, 2);
  features(0, 0) = 3e-200;
  features(0, 1) = 4e-200;
  const Moments m = folded(backend(), features, Matrix(2, 1));
  EXPECT_EQ(m.zero_rows, 1U);
  EXPECT_NEAR(m.normalized_scatter(0, 0), 0.36, 8 * eps);
  EXPECT_NEAR(m.normalized_scatter(0, 1), 0.48, 8 * eps);
}

TEST_F(FoldOnBackend, SaysWhichSampleIsNotFinite) {
  Matrix features(6, 2);
  features(4, 1) = test::nan;
  FoldSpec spec;
  spec.format.channels = 2;
  spec.targets = 1;
  spec.rows = 100;
  const auto fold = backend().make_fold(spec);
  try {
    fold->add({std::as_bytes(features.values()), 0, 6, 40}, Matrix(6, 1).view());
    (void)fold->finish();
    FAIL() << "a NaN was folded";
  } catch (const NonFiniteSample& offending) {
    EXPECT_EQ(offending.sample, 44U);
  }
}

TEST_F(FoldOnBackend, TilesAreTheCallersAgainOnceSettled) {
  const std::size_t tile = backend().tile_rows(3);
  const Data data = make_data(7 * tile + 5, 3, 2, 1, 12);
  FoldSpec spec;
  spec.format.channels = 3;
  spec.targets = 2;
  spec.rows = data.features.rows();
  spec.normalized_scatter = true;
  const auto fold = backend().make_fold(spec);
  Matrix bytes[2];
  for (std::size_t first = 0; first < data.features.rows(); first += tile) {
    const std::size_t rows = std::min(tile, data.features.rows() - first);
    if (first % (2 * tile) == 0) {
      fold->settle();
      std::fill(bytes[0].values().begin(), bytes[0].values().end(), test::nan);
      std::fill(bytes[1].values().begin(), bytes[1].values().end(), test::nan);
    }
    Matrix& features = bytes[first / tile % 2];
    features = test::rows_of(data.features, first, rows);
    Matrix targets = test::rows_of(data.targets, first, rows);
    fold->add({std::as_bytes(std::as_const(features).values()), 0, rows, first}, targets.view());
    std::fill(targets.values().begin(), targets.values().end(), test::nan);
  }
  fold->settle();
  bytes[0] = bytes[1] = Matrix();
  const auto careful = backend().make_fold(spec);
  for (std::size_t first = 0; first < data.features.rows(); first += tile) {
    const std::size_t rows = std::min(tile, data.features.rows() - first);
    const auto values = data.features.values().subspan(first * 3, rows * 3);
    careful->add({std::as_bytes(values), 0, rows, first}, data.targets.view().middle_rows(first, rows));
  }
  EXPECT_TRUE(test::same(fold->finish(), careful->finish()));
}

TEST_F(FoldOnBackend, RefusesTilesThatDoNotFit) {
  FoldSpec spec;
  spec.format.channels = 2;
  spec.targets = 2;
  spec.rows = 10;
  const Matrix features(10, 2);
  const RawTile tile{std::as_bytes(features.values()), 0, 10, 0};
  EXPECT_NO_THROW(backend().make_fold(spec)->add(tile, Matrix(10, 2).view()));
  EXPECT_THROW(backend().make_fold(spec)->add(tile, Matrix(9, 2).view()), UsageError);
  EXPECT_THROW(backend().make_fold(spec)->add(tile, Matrix(10, 1).view()), UsageError);
  const Matrix many(backend().tile_rows(2) + 1, 2);
  EXPECT_THROW(backend().make_fold(spec)->add({std::as_bytes(many.values()), 0, many.rows(), 0}, many.view()),
               UsageError);
}

TEST_F(FoldOnBackend, NothingFoldedIsTheEmptyValue) {
  EXPECT_TRUE(test::same(folded(backend(), Matrix(0, 3), Matrix(0, 1)), Moments()));
}

}  // namespace
}  // namespace collapscope
