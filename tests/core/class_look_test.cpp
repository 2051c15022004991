// What the second look counts of each class: the rows that lie nearest to its mean.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "collapscope/core/residuals.hpp"
#include "core/support.hpp"

namespace collapscope {
namespace {

using test::Random;

std::size_t nearest_of(const Matrix& means, std::span<const double> row) {
  std::size_t best = 0;
  double least = 0;
  for (std::size_t c = 0; c < means.rows(); ++c) {
    double square = 0;
    for (std::size_t j = 0; j < row.size(); ++j) {
      square += (row[j] - means(c, j)) * (row[j] - means(c, j));
    }
    if (c == 0 || square < least) {
      least = square;
      best = c;
    }
  }
  return best;
}

ResidualSums looked(Backend& backend, const Matrix& features, const Matrix& numbers, const LookSpec& spec) {
  const std::size_t d = features.cols();
  const std::size_t tile = backend.tile_rows(d);
  const auto look = backend.make_look(spec);
  for (std::size_t first = 0; first < features.rows(); first += tile) {
    const std::size_t rows = std::min(tile, features.rows() - first);
    const auto values = features.values().subspan(first * d, rows * d);
    look->add({std::as_bytes(values), 0, rows, first}, numbers.view().middle_rows(first, rows));
  }
  return look->finish();
}

TEST(ClassLookCounts, RowsNearestToTheMeanOfTheirClass) {
  constexpr std::size_t rows = 5000;
  constexpr std::size_t d = 6;
  constexpr std::size_t classes = 9;
  Random random(5);
  const Matrix features = test::random_matrix(rows, d, random);
  const auto means = std::make_shared<const Matrix>(test::random_matrix(classes, d, random));
  Matrix numbers(rows, 1);
  std::vector<double> expected(classes, 0.0);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t own = random.below(classes - 1);  // the last class has no rows
    numbers(i, 0) = static_cast<double>(own);
    expected[own] += nearest_of(*means, features.view().row(i)) == own ? 1 : 0;
  }
  LookSpec spec;
  spec.format.channels = d;
  spec.rows = rows;
  spec.feature_mean.assign(d, 0.0);
  ClassLook look;
  look.means = means;
  for (const bool nearest : {true, false}) {
    look.nearest = nearest;
    spec.classes = std::make_shared<const ClassLook>(look);
    for (const std::size_t threads : {1U, 2U}) {
      const auto backend = make_cpu_backend(threads);
      const ResidualSums found = looked(*backend, features, numbers, spec);
      EXPECT_EQ(found.classes.nearest_own, nearest ? expected : std::vector<double>{});
    }
  }
}

TEST(ClassResiduals, CountsOfClassesAreAdded) {
  ClassResiduals whole;
  ClassResiduals part;
  part.nearest_own = {1, 2};
  whole += part;
  part.nearest_own = {3, 4, 5};
  whole += part;
  whole += ClassResiduals{};
  EXPECT_EQ(whole.nearest_own, (std::vector<double>{4, 6, 5}));
}

}  // namespace
}  // namespace collapscope
