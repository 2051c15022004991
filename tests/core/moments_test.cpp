// Moments as mergeable values: any split in any order is the whole; the fixed tree; the unbiased sums'
// purpose.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <vector>

#include "collapscope/core/error.hpp"
#include "core/segment_tree.hpp"
#include "core/support.hpp"
#include "core/unbiased.hpp"

namespace collapscope {
namespace {

using test::eps;
using test::naive_moments;
using test::Random;

Moments part_of(const Matrix& features, const Matrix& targets, std::size_t first, std::size_t count) {
  return naive_moments(test::rows_of(features, first, count), test::rows_of(targets, first, count));
}

// Merges two parts drawn by chance until one is left.
Moments merged_at_random(std::vector<Moments> parts, Random& random) {
  while (parts.size() > 1) {
    std::swap(parts[random.below(parts.size())], parts.back());
    const Moments part = std::move(parts.back());
    parts.pop_back();
    merge(parts[random.below(parts.size())], part);
  }
  return parts.front();
}

TEST(Merge, AnySplitInAnyOrderIsTheWhole) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::size_t rows = 1 + random.below(120);
    Matrix features = test::random_matrix(rows, 1 + random.below(5), random);
    const Matrix targets = test::random_matrix(rows, 1 + random.below(3), random);
    const double drift = seed % 3 == 0 ? 0.5 : 0;
    for (std::size_t i = 0; i < rows; ++i) {
      for (double& value : features.view().row(i)) {
        value = i % 13 == 7 ? 0 : value + drift * static_cast<double>(i) + 2;
      }
    }
    std::vector<Moments> parts;
    for (std::size_t first = 0; first < rows;) {
      const std::size_t count = 1 + random.below(std::min<std::size_t>(rows - first, 30));
      parts.push_back(part_of(features, targets, first, count));
      first += count;
    }
    parts.emplace_back();  // an empty one changes nothing
    // Each merge adds a few roundings of sums not above the whole's.
    test::expect_near(merged_at_random(parts, random), naive_moments(features, targets),
                      4 + static_cast<double>(parts.size()));
  }
}

TEST(Merge, TwoRowsByHand) {
  Matrix features(2, 1);
  features(0, 0) = 1;
  features(1, 0) = 5;
  Matrix targets(2, 1);
  targets(1, 0) = 2;
  Moments whole = part_of(features, targets, 0, 1);
  EXPECT_EQ(whole.feature_scatter(0, 0), 0);
  merge(whole, part_of(features, targets, 1, 1));
  EXPECT_EQ(whole.count, 2U);
  EXPECT_EQ(whole.feature_mean[0], 3);
  EXPECT_EQ(whole.target_mean[0], 1);
  EXPECT_EQ(whole.feature_scatter(0, 0), 8);  // (-2)^2 + 2^2
  EXPECT_EQ(whole.cross_scatter(0, 0), 4);
  EXPECT_EQ(whole.unbiased.aa, 32);  // 4^2 + 4^2
  EXPECT_EQ(whole.unbiased.ab, 8);
  EXPECT_EQ(whole.unbiased.bb, 2);
  EXPECT_EQ(whole.unbiased.a_x[0], 0);
  EXPECT_EQ(whole.norm_sum, 6);
  EXPECT_EQ(whole.normalized_scatter(0, 0), 2);
}

TEST(Merge, TheEmptyValueIsTheIdentity) {
  Random random(1);
  const Moments part = naive_moments(test::random_matrix(9, 3, random), test::random_matrix(9, 2, random));
  Moments left = part;
  merge(left, Moments());
  EXPECT_TRUE(test::same(left, part));
  merge(left, Moments(7, 5, false));  // empty, whatever its shape
  EXPECT_TRUE(test::same(left, part));
  Moments right;
  merge(right, part);
  EXPECT_TRUE(test::same(right, part));
  Moments both;
  merge(both, Moments());
  EXPECT_EQ(both.count, 0U);
}

TEST(Merge, RefusesOtherShapes) {
  Random random(2);
  const auto make = [&](std::size_t d, std::size_t n) {
    return naive_moments(test::random_matrix(4, d, random), test::random_matrix(4, n, random));
  };
  Moments whole = make(3, 2);
  const Moments before = whole;
  EXPECT_THROW(merge(whole, make(2, 2)), UsageError);
  EXPECT_THROW(merge(whole, make(3, 1)), UsageError);
  Moments without = make(3, 2);
  without.normalized_scatter = Matrix();
  EXPECT_THROW(merge(whole, without), UsageError);
  EXPECT_THROW(merge(without, whole), UsageError);
  EXPECT_TRUE(test::same(whole, before));
}

TEST(Merge, ThatIsRefusedChangesNothing) {
  Random random(3);
  const auto make = [&](bool unit) {
    Moments moments = naive_moments(test::random_matrix(4, 2, random), test::random_matrix(4, 1, random));
    moments.classes = {{0}, {4}, {1}, Matrix(1, 2), {0, 0}, {}, {}};
    if (unit) {
      moments.classes.unit_sums = Matrix(1, 2);
      moments.classes.unit_pilot = {0, 0};
    }
    return moments;
  };
  Moments whole = make(true);
  const Moments before = whole;
  EXPECT_THROW(merge(whole, make(false)), UsageError);
  Moments with_error = make(true);
  with_error.normalized_scatter_error = {1, 1};
  EXPECT_THROW(merge(whole, with_error), UsageError);
  EXPECT_TRUE(test::same(whole, before));
}

TEST(UnbiasedSums, DisplacedAndRecentredAreInverse) {
  Random random(3);
  const Moments m = naive_moments(test::random_matrix(50, 4, random), test::random_matrix(50, 2, random));
  const std::vector<double> x{1, -2, 0.5, 3};
  const std::vector<double> y{-1, 4};
  const UnbiasedSums moved = displaced(m, x, y);
  EXPECT_GT(std::abs(moved.aa - m.unbiased.aa), 1);
  const UnbiasedSums back = recentred(moved, m, x, y);
  // Cancellation costs the ratio of the displaced sums to the centred ones.
  const double tolerance = 64 * eps * std::max(moved.aa, moved.bb);
  EXPECT_NEAR(back.aa, m.unbiased.aa, tolerance);
  EXPECT_NEAR(back.ab, m.unbiased.ab, tolerance);
  EXPECT_NEAR(back.bb, m.unbiased.bb, tolerance);
  EXPECT_LE(test::largest_difference(back.a_x, m.unbiased.a_x), tolerance);
  EXPECT_LE(test::largest_difference(back.b_y, m.unbiased.b_y), tolerance);
}

// The formula of docs/metrics.md for N (N - 3) HSIC_1, from sums about the means.
double hsic_from_sums(double n, const Matrix& cross, double fourth, double trace_a, double trace_b) {
  double square = 0;
  for (const double value : cross.values()) {
    square += value * value;
  }
  return square - n / (n - 2) * fourth + trace_a * trace_b / ((n - 1) * (n - 2));
}

TEST(UnbiasedSums, GiveTheUnbiasedHsicOfTheKernels) {
  const auto cpu = make_cpu_backend(1);
  for (const std::size_t rows : {4U, 5U, 60U}) {
    Random random(rows);
    Matrix x = test::random_matrix(rows, 6, random);
    const Matrix y = test::random_matrix(rows, 2, random);
    for (double& value : x.values()) {
      value += 3;  // the definition does not centre: it must not matter
    }
    const Moments m = test::folded(*cpu, x, y);
    const double n = static_cast<double>(rows);
    double a = 0;
    double b = 0;
    for (std::size_t j = 0; j < 6; ++j) {
      a += m.feature_scatter(j, j);
    }
    for (std::size_t j = 0; j < 2; ++j) {
      b += m.target_scatter(j, j);
    }
    const double unit = 64 * n * eps;
    EXPECT_NEAR(hsic_from_sums(n, m.feature_scatter.products, m.unbiased.aa, a, a), test::naive_hsic(x, x),
                unit * a * a);
    EXPECT_NEAR(hsic_from_sums(n, m.cross_scatter, m.unbiased.ab, a, b), test::naive_hsic(x, y),
                unit * a * b);
    EXPECT_NEAR(hsic_from_sums(n, m.target_scatter, m.unbiased.bb, b, b), test::naive_hsic(y, y),
                unit * b * b);
  }
}

// They would be read beyond their end.
TEST(Merge, RefusesSumsOfOtherSizesThanTheirs) {
  Moments whole(3, 2, true);
  whole.count = 1;
  const auto refused = [&](const auto& spoil) {
    Moments part(3, 2, true);
    part.count = 1;
    spoil(part);
    Moments into = whole;
    EXPECT_THROW(merge(into, part), UsageError);
    EXPECT_THROW(merge(part, into), UsageError);
  };
  refused([](Moments& part) { part.feature_scatter = Scatter(Matrix(2, 2)); });
  refused([](Moments& part) { part.cross_scatter = Matrix(3, 1); });
  refused([](Moments& part) { part.unbiased.a_x.resize(1); });
  ClassSums sums{{0}, {1}, {0, 0}, Matrix(1, 2), {0}, {}, {}};
  ClassSums short_sums = sums;
  short_sums.sums = Matrix(1, 1);
  EXPECT_THROW(merge(sums, short_sums), UsageError);
}

TEST(SegmentTree, MergesNeighboursOfEqualHeight) {
  Random random(5);
  std::vector<Moments> s;
  for (std::size_t i = 0; i < 7; ++i) {
    s.push_back(naive_moments(test::random_matrix(3 + i, 3, random), test::random_matrix(3 + i, 2, random)));
  }
  const auto both = [](Moments a, const Moments& b) {
    merge(a, b);
    return a;
  };
  const Moments four = both(both(s[0], s[1]), both(s[2], s[3]));
  const Moments whole = both(four, both(both(s[4], s[5]), s[6]));
  std::vector<std::size_t> order(s.size());
  std::iota(order.begin(), order.end(), 0U);
  SegmentTree<Moments> tree;
  for (int shuffle = 0; shuffle < 200; ++shuffle) {
    for (const std::size_t number : order) {
      tree.put(number, s[number]);
    }
    EXPECT_TRUE(test::same(tree.finish(), whole));
    std::next_permutation(order.begin(), order.end());
    std::rotate(order.begin(), order.begin() + 3, order.end());
  }
  EXPECT_EQ(tree.finish().count, 0U);
  EXPECT_EQ(SegmentTree<Moments>().finish().count, 0U);
}

TEST(SegmentTree, GoesOnFromSubtreesOfOthers) {
  Random random(6);
  std::vector<Moments> s;
  for (std::size_t i = 0; i < 11; ++i) {
    s.push_back(naive_moments(test::random_matrix(3 + i, 3, random), test::random_matrix(3 + i, 2, random)));
  }
  SegmentTree<Moments> all;
  for (std::size_t i = 0; i < s.size(); ++i) {
    all.put(i, s[i]);
  }
  const Moments whole = all.finish();
  for (std::uint64_t first = 0; first <= s.size(); ++first) {
    for (std::uint64_t last = first; last <= s.size(); ++last) {
      SegmentTree<Moments> theirs;
      for (std::uint64_t i = first; i < last; ++i) {
        theirs.put(i, s[i]);
      }
      SegmentTree<Moments> mine;
      for (auto& [place, value] : theirs.take()) {
        mine.put(place, std::move(value));
      }
      for (const SegmentRange& range : outside({0, s.size()}, mine.places())) {
        EXPECT_TRUE(first == last || range.last <= first || range.first >= last);
        for (std::uint64_t i = range.first; i < range.last; ++i) {
          mine.put(i, s[i]);
        }
      }
      EXPECT_TRUE(test::same(mine.finish(), whole)) << first << " to " << last;
    }
  }
}

TEST(SegmentTree, KnowsWhatIsMissing) {
  using Ranges = std::vector<SegmentRange>;
  EXPECT_EQ(collapscope::outside({2, 9}, {}), (Ranges{{2, 9}}));
  EXPECT_EQ(collapscope::outside({2, 2}, {}), Ranges{});
  EXPECT_EQ(collapscope::outside({0, 9}, {{0, 4}}), Ranges{});
  EXPECT_EQ(collapscope::outside({0, 20}, {{0, 1}, {4, 2}, {12, 0}}), (Ranges{{2, 4}, {8, 12}, {13, 20}}));
  EXPECT_EQ(collapscope::outside({3, 12}, {{0, 1}, {4, 2}, {12, 0}}), (Ranges{{3, 4}, {8, 12}}));
  EXPECT_EQ(whole_tree(0).height, 0U);
  EXPECT_EQ(whole_tree(1).height, 0U);
  EXPECT_EQ(whole_tree(5).height, 3U);
  EXPECT_EQ(whole_tree(8).height, 3U);
}

TEST(SegmentRows, OfManyClassesAreMoreSoThatTheirSumsFit) {
  EXPECT_EQ(segment_rows_with_classes(16384, 1U << 20U, 512, 10), 16384U);
  EXPECT_EQ(segment_rows_with_classes(16384, 1U << 20U, 512, 1024), 16384U);
  EXPECT_EQ(segment_rows_with_classes(16384, 1U << 20U, 512, 1025), 32768U);
  EXPECT_GE(segment_rows_with_classes(32768, 2500000, 256, 250000), 2500000U);
  EXPECT_EQ(segment_rows_with_classes(16384, 5000, 512, 4000), 16384U);  // one segment anyway
  for (const std::uint64_t classes : {100U, 10000U, 100000U, 1000000U}) {
    for (const std::size_t features : {16U, 512U, 4096U}) {
      const std::uint64_t rows = 20 * classes;
      const std::uint64_t segment = segment_rows_with_classes(16384, rows, features, classes);
      EXPECT_TRUE(std::has_single_bit(segment));
      double tables = 1;
      for (std::uint64_t held = segment; held < rows; held *= 2) {
        tables += 1;
      }
      const double table = 16 * static_cast<double>(classes) * static_cast<double>(features);
      EXPECT_TRUE(segment >= rows || tables * table <= std::ldexp(1.0, 30));
      EXPECT_TRUE(segment >= rows || segment >= 16 * classes);
    }
  }
}

TEST(SegmentRows, ArePowersOfTwoAndNoMoreThanAWorkerMayLose) {
  EXPECT_EQ(segment_rows(0, 8), 16384U);
  EXPECT_EQ(segment_rows(1, 1024), 16384U);
  EXPECT_EQ(segment_rows(1, 1025), 65536U);
  EXPECT_EQ(segment_rows(64 * 65536, 2000), 65536U);
  EXPECT_EQ(segment_rows(64 * 65536 + 1, 2000), 131072U);
  for (const std::size_t features : {8U, 512U, 2048U, 4096U, 100000U}) {
    const std::uint64_t least = segment_rows(1, features);
    const auto too_long = [&](std::uint64_t segment) {
      return segment > (1U << 20U) ||
             static_cast<double>(segment) * static_cast<double>(features * features) > std::ldexp(1.0, 42);
    };
    std::uint64_t before = 0;
    for (std::uint64_t rows = 1; rows < (std::uint64_t{1} << 50U); rows = rows * 5 / 3 + 1) {
      const std::uint64_t segment = segment_rows(rows, features);
      EXPECT_TRUE(std::has_single_bit(segment));
      EXPECT_GE(segment, least);
      EXPECT_TRUE(segment == least || !too_long(segment));
      EXPECT_TRUE((rows + segment - 1) / segment <= 64 || too_long(2 * segment));
      EXPECT_TRUE(segment == least || (rows + segment / 2 - 1) / (segment / 2) > 64)
          << "no larger than it must be";
      EXPECT_GE(segment, before);
      before = segment;
    }
  }
}

}  // namespace
}  // namespace collapscope
