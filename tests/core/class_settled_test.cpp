// The second look of classification: what margins settle without looking at all classes is what looking
// gives, and no bit depends on threads.
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <memory>
#include <numeric>
#include <vector>

#include "backend/segments.hpp"
#include "collapscope/backend/backend.hpp"
#include "core/support.hpp"
#include "metrics/class_margins.hpp"

namespace collapscope {
namespace {

using test::Random;

constexpr std::size_t cluster_count = 40;
constexpr std::size_t cluster_features = 9;

struct Clusters {
  Matrix rows;
  Matrix numbers;  // [rows, 1]
  std::shared_ptr<const Matrix> means;
  std::vector<double> mean;
};

// Classes whose rows lie `spread` about their means, far from 0.
Clusters clusters(std::size_t count, double spread, Random& random) {
  Clusters data{Matrix(count, cluster_features), Matrix(count, 1), nullptr,
                std::vector<double>(cluster_features, 5.0)};
  data.means = std::make_shared<const Matrix>(test::random_matrix(cluster_count, cluster_features, random));
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t c = random.below(cluster_count);
    data.numbers(i, 0) = static_cast<double>(c);
    for (std::size_t j = 0; j < cluster_features; ++j) {
      data.rows(i, j) = data.mean[j] + (*data.means)(c, j) + spread * random.normal();
    }
  }
  return data;
}

ClassLook look_at(const Clusters& data, Random& random) {
  ClassLook look;
  look.means = data.means;
  look.nearest = true;
  Matrix weight = *data.means;
  for (double& value : weight.values()) {
    value += 0.1 * random.normal();
  }
  look.weight = std::make_shared<const StoredMatrix>(std::move(weight));
  std::vector<double> room;
  for (std::size_t c = 0; c < cluster_count; ++c) {
    const auto w = StoredRows(*look.weight).middle_rows(c, 1).widened(room).row(0);
    look.bias.push_back(-std::inner_product(w.begin(), w.end(), data.mean.begin(), 0.0) -
                        std::inner_product(w.begin(), w.end(), w.begin(), 0.0) / 2);
    look.weight_rows.push_back(static_cast<double>(c));
  }
  return look;
}

ResidualSums looked(const Clusters& data, ClassLook look, std::size_t threads) {
  const auto backend = make_cpu_backend(threads);
  LookSpec spec;
  spec.format.channels = cluster_features;
  spec.feature_mean = data.mean;
  spec.feature_rms = 1;
  spec.classes = std::make_shared<const ClassLook>(std::move(look));
  const std::size_t tile = backend->tile_rows(cluster_features);
  return look_at_rows(
      *backend, spec, data.rows.rows(), [&](Fold& fold, std::uint64_t begin, std::uint64_t end) {
        for (std::size_t first = begin; first < end; first += tile) {
          const std::size_t rows = std::min<std::size_t>(tile, end - first);
          const auto values = data.rows.values().subspan(first * cluster_features, rows * cluster_features);
          fold.add({std::as_bytes(values), 0, rows, first}, data.numbers.view().middle_rows(first, rows));
        }
      });
}

std::vector<double> margins_of(const Clusters& data, const ClassLook& look) {
  const Classifier classifier{look.weight, look.bias};
  std::vector<double> margins = nearest_margins(*data.means);
  const std::vector<double> of_choice = choice_margins(*data.means, data.mean, classifier, look.weight_rows);
  for (std::size_t c = 0; c < cluster_count; ++c) {
    margins[c] = std::min(margins[c], of_choice[c]);
  }
  return margins;
}

std::size_t settled(const Clusters& data, const std::vector<double>& margins) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < data.rows.rows(); ++i) {
    const auto c = static_cast<std::size_t>(data.numbers(i, 0));
    double square = 0;
    for (std::size_t j = 0; j < cluster_features; ++j) {
      const double rest = data.rows(i, j) - data.mean[j] - (*data.means)(c, j);
      square += rest * rest;
    }
    count += std::sqrt(square) < margins[c] ? 1 : 0;
  }
  return count;
}

TEST(ClassMargins, ChangeNothingOfWhatTheLookCounts) {
  Random random(1);
  for (const double spread : {0.01, 0.1, 0.2, 0.5, 2.0}) {
    SCOPED_TRACE(spread);
    const Clusters data = clusters(5000, spread, random);
    ClassLook look = look_at(data, random);
    const ResidualSums plain = looked(data, look, 1);
    look.settled_within = margins_of(data, look);
    const std::size_t spared = settled(data, look.settled_within);
    EXPECT_TRUE(spread > 0.02 || spared > 4000) << spared;
    EXPECT_TRUE(spread < 1 || spared < 500) << spared;
    for (const std::size_t threads : {1U, 2U, 3U}) {
      const ResidualSums found = looked(data, look, threads);
      EXPECT_EQ(found.count, plain.count);
      EXPECT_EQ(found.classes.nearest_own, plain.classes.nearest_own);
      EXPECT_EQ(found.classes.nearest_unlike, plain.classes.nearest_unlike);
      EXPECT_EQ(found.classes.squares, plain.classes.squares);
    }
  }
}

}  // namespace
}  // namespace collapscope
