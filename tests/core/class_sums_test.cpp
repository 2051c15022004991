// Class sums as mergeable values, and the fold that makes them: any split in any order is the whole, and no
// bit depends on threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "backend/segments.hpp"
#include "collapscope/core/classes.hpp"
#include "collapscope/core/error.hpp"
#include "core/support.hpp"

namespace collapscope {
namespace {

using test::Random;

struct Labelled {
  Matrix features;
  Matrix numbers;  // [rows, 1]
};

Labelled labelled(std::size_t rows, std::size_t features, std::size_t classes, Random& random) {
  Labelled data{test::random_matrix(rows, features, random), Matrix(rows, 1)};
  for (std::size_t i = 0; i < rows; ++i) {
    data.numbers(i, 0) = static_cast<double>(random.below(classes));
  }
  return data;
}

// By their definition, about `pilot` and `unit_pilot`.
ClassSums naive_sums(const Labelled& data, std::size_t first, std::size_t count,
                     const std::vector<double>& pilot, const std::vector<double>& unit_pilot) {
  const std::size_t d = data.features.cols();
  std::map<double, std::vector<std::size_t>> rows;
  for (std::size_t i = first; i < first + count; ++i) {
    rows[data.numbers(i, 0)].push_back(i);
  }
  ClassSums found;
  found.pilot = pilot;
  found.unit_pilot = unit_pilot;
  found.sums = Matrix(rows.size(), d);
  found.unit_sums = Matrix(rows.size(), d);
  for (const auto& [number, members] : rows) {
    const std::size_t c = found.numbers.size();
    found.numbers.push_back(number);
    found.counts.push_back(static_cast<double>(members.size()));
    found.squares.push_back(0);
    for (const std::size_t i : members) {
      double length = 0;
      for (std::size_t j = 0; j < d; ++j) {
        length += data.features(i, j) * data.features(i, j);
      }
      for (std::size_t j = 0; j < d; ++j) {
        const double x = data.features(i, j) - pilot[j];
        found.sums(c, j) += x;
        found.unit_sums(c, j) += data.features(i, j) / std::sqrt(length) - unit_pilot[j];
        found.squares.back() += x * x;
      }
    }
  }
  return found;
}

std::vector<double> random_vector(std::size_t size, Random& random) {
  std::vector<double> out(size);
  std::generate(out.begin(), out.end(), [&] { return random.normal(); });
  return out;
}

void expect_same_sums(const ClassSums& found, const ClassSums& expected, double tolerance) {
  EXPECT_EQ(found.numbers, expected.numbers);
  EXPECT_EQ(found.counts, expected.counts);
  EXPECT_LE(test::largest_difference(found.squares, expected.squares), tolerance);
  EXPECT_LE(test::largest_difference(found.sums.values(), expected.sums.values()), tolerance);
  EXPECT_LE(test::largest_difference(found.unit_sums.values(), expected.unit_sums.values()), tolerance);
}

TEST(ClassSums, AnySplitInAnyOrderIsTheWhole) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::size_t rows = 1 + random.below(120);
    const std::size_t d = 1 + random.below(6);
    const Labelled data = labelled(rows, d, 1 + random.below(30), random);
    std::vector<ClassSums> parts{{}};
    for (std::size_t first = 0; first < rows;) {
      const std::size_t count = 1 + random.below(std::min<std::size_t>(rows - first, 20));
      parts.push_back(naive_sums(data, first, count, random_vector(d, random), random_vector(d, random)));
      first += count;
    }
    while (parts.size() > 1) {
      std::swap(parts[random.below(parts.size())], parts.back());
      const ClassSums part = std::move(parts.back());
      parts.pop_back();
      merge(parts[random.below(parts.size())], part);
    }
    const ClassSums& whole = parts.front();
    expect_same_sums(whole, naive_sums(data, 0, rows, whole.pilot, whole.unit_pilot), 1e-10);
  }
}

TEST(ClassSums, OfOtherFeaturesAreRefused) {
  Random random(1);
  const Labelled narrow = labelled(5, 2, 2, random);
  const Labelled wide = labelled(5, 3, 2, random);
  ClassSums sums = naive_sums(narrow, 0, 5, {0, 0}, {0, 0});
  EXPECT_THROW(merge(sums, naive_sums(wide, 0, 5, {0, 0, 0}, {0, 0, 0})), UsageError);
}

FoldSpec spec_of(const Labelled& data, std::uint64_t classes) {
  FoldSpec spec;
  spec.format.channels = data.features.cols();
  spec.classes = classes;
  spec.unit_classes = true;
  return spec;
}

Moments folded_classes(Backend& backend, const Labelled& data, std::uint64_t classes) {
  const std::size_t d = data.features.cols();
  const std::size_t tile = backend.tile_rows(d);
  const auto add = [&](Fold& fold, std::uint64_t begin, std::uint64_t end) {
    for (std::size_t first = begin; first < end; first += tile) {
      const std::size_t rows = std::min<std::size_t>(tile, end - first);
      const auto values = data.features.values().subspan(first * d, rows * d);
      fold.add({std::as_bytes(values), 0, rows, first}, data.numbers.view().middle_rows(first, rows));
    }
  };
  return fold_rows(backend, spec_of(data, classes), data.features.rows(), add);
}

TEST(ClassFold, SumsWhatTheDefinitionSays) {
  Random random(2);
  const auto backend = make_cpu_backend(1);
  for (const std::size_t d : {1U, 3U, 8U, 40U, 130U}) {
    const Labelled data = labelled(3000, d, 70, random);
    const Moments moments = folded_classes(*backend, data, 80);
    const ClassSums& found = moments.classes;
    expect_same_sums(found, naive_sums(data, 0, 3000, found.pilot, found.unit_pilot), 1e-9);
    EXPECT_EQ(moments.targets(), 0U);
    EXPECT_EQ(moments.count, 3000U);
  }
}

TEST(ClassFold, HasTheSameBitsOnAnyNumberOfThreads) {
  Random random(3);
  const Labelled data = labelled(50000, 33, 500, random);
  const Moments one = folded_classes(*make_cpu_backend(1), data, 500);
  for (const std::size_t threads : {2U, 3U}) {
    const Moments other = folded_classes(*make_cpu_backend(threads), data, 500);
    EXPECT_TRUE(test::same(one, other));
    EXPECT_EQ(one.classes.counts, other.classes.counts);
    EXPECT_EQ(one.classes.squares, other.classes.squares);
    EXPECT_EQ(one.classes.sums, other.classes.sums);
    EXPECT_EQ(one.classes.unit_sums, other.classes.unit_sums);
  }
}

TEST(ClassFold, RefusesWhatIsNoClass) {
  Random random(4);
  const auto backend = make_cpu_backend(1);
  Labelled data = labelled(10, 4, 3, random);
  EXPECT_THROW((void)folded_classes(*backend, data, 1), UsageError);
  data.numbers(7, 0) = -1;
  EXPECT_THROW((void)folded_classes(*backend, data, 3), UsageError);
}

}  // namespace
}  // namespace collapscope
