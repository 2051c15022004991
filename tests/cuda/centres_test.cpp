// The first look centres a part's rows at the mean of the part before it: that costs no digits, however the
// means lie. Tiles of a GPU on the fake runtime against sums in long double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "collapscope/gpu/gpu.hpp"
#include "cuda/fake.hpp"

namespace collapscope {
namespace {

constexpr std::size_t six_features = 6;
constexpr std::size_t two_targets = 2;

struct Sums {
  std::vector<long double> feature_mean = std::vector<long double>(six_features);
  std::vector<long double> target_mean = std::vector<long double>(two_targets);
  std::vector<long double> scatter = std::vector<long double>(six_features * six_features);
  std::vector<long double> cross = std::vector<long double>(six_features * two_targets);
  std::vector<long double> target_square = std::vector<long double>(two_targets);
  std::vector<long double> a_x = std::vector<long double>(six_features);  // of |h - mean|^2 (h - mean)
};

Sums sums_of(const Matrix& h, const Matrix& y) {
  Sums sums;
  const auto rows = static_cast<long double>(h.rows());
  for (std::size_t i = 0; i < h.rows(); ++i) {
    for (std::size_t j = 0; j < six_features; ++j) {
      sums.feature_mean[j] += (static_cast<long double>(h(i, j)) - h(0, j)) / rows;
    }
    for (std::size_t j = 0; j < two_targets; ++j) {
      sums.target_mean[j] += y(i, j) / rows;
    }
  }
  for (std::size_t j = 0; j < six_features; ++j) {  // exact for a constant column
    sums.feature_mean[j] += h(0, j);
  }
  for (std::size_t i = 0; i < h.rows(); ++i) {
    long double square = 0;
    for (std::size_t j = 0; j < six_features; ++j) {
      square += (h(i, j) - sums.feature_mean[j]) * (h(i, j) - sums.feature_mean[j]);
    }
    for (std::size_t j = 0; j < six_features; ++j) {
      const long double x = h(i, j) - sums.feature_mean[j];
      sums.a_x[j] += square * x;
      for (std::size_t k = 0; k < six_features; ++k) {
        sums.scatter[j * six_features + k] += x * (h(i, k) - sums.feature_mean[k]);
      }
      for (std::size_t k = 0; k < two_targets; ++k) {
        sums.cross[j * two_targets + k] += x * (y(i, k) - sums.target_mean[k]);
      }
    }
    for (std::size_t k = 0; k < two_targets; ++k) {
      sums.target_square[k] += (y(i, k) - sums.target_mean[k]) * (y(i, k) - sums.target_mean[k]);
    }
  }
  return sums;
}

class Centres : public ::testing::Test {
 protected:
  static test::FakeCuda& fake() {
    static test::FakeCuda instance;
    return instance;
  }

  // Of noise of deviation 1, in a column of a tile.
  using Number = std::function<double(double noise, std::size_t column, std::size_t tile)>;

  // tiles: of so many rows.
  static Moments folded(const std::vector<std::size_t>& tiles, const Number& number, Matrix& h, Matrix& y) {
    std::size_t rows = 0;
    for (const std::size_t tile : tiles) {
      rows += tile;
    }
    h = Matrix(rows, six_features);
    y = Matrix(rows, two_targets);
    std::mt19937_64 random(7);
    std::normal_distribution<double> normal;
    std::size_t row = 0;
    for (std::size_t tile = 0; tile < tiles.size(); ++tile) {
      for (std::size_t i = 0; i < tiles[tile]; ++i, ++row) {
        for (std::size_t j = 0; j < six_features; ++j) {
          h(row, j) = number(normal(random), j, tile);
        }
        for (std::size_t k = 0; k < two_targets; ++k) {
          y(row, k) = h(row, k) + normal(random);
        }
      }
    }
    fake().restart({{"PROTECT", "0"}});
    const std::size_t largest = *std::max_element(tiles.begin(), tiles.end());
    ::setenv("COLLAPSCOPE_GPU_TILE", std::to_string(largest * six_features).c_str(), 1);
    Moments moments;
    {
      const ChosenBackend chosen = make_backend("cuda", 1);
      FoldSpec spec;
      spec.format.element = {ElementKind::float64, false};
      spec.format.channels = six_features;
      spec.targets = two_targets;
      spec.rows = rows;
      const auto fold = chosen.backend->make_fold(spec);
      const auto bytes = std::as_bytes(std::span(h.values()));
      std::size_t first = 0;
      for (const std::size_t tile : tiles) {
        fold->add({bytes.subspan(first * six_features * sizeof(double), tile * six_features * sizeof(double)),
                   0, tile, first},
                  y.view().middle_rows(first, tile));
        fold->settle();
        first += tile;
      }
      moments = fold->finish();
    }
    EXPECT_EQ(fake().violations(), 0);
    return moments;
  }

  // Every number as near as its own columns' sizes allow, not only the largest of them.
  static void expect_digits(const std::vector<std::size_t>& tiles, const Number& number) {
    constexpr double digits = 1e-13;
    Matrix h;
    Matrix y;
    const Moments found = folded(tiles, number, h, y);
    const Sums wanted = sums_of(h, y);
    const auto size = [&](std::size_t j) {
      return std::sqrt(static_cast<double>(wanted.scatter[j * six_features + j]));
    };
    double trace = 0;
    for (std::size_t j = 0; j < six_features; ++j) {
      trace += size(j) * size(j);
    }
    for (std::size_t j = 0; j < six_features; ++j) {
      EXPECT_NEAR(found.feature_mean[j], static_cast<double>(wanted.feature_mean[j]),
                  digits * (std::abs(found.feature_mean[j]) + size(j)));
      // Of stored numbers that are large against what varies, the mean itself is rounded.
      const double rounding = static_cast<double>(h.rows()) * std::pow(1e-16 * found.feature_mean[j], 2);
      for (std::size_t k = 0; k < six_features; ++k) {
        EXPECT_NEAR(found.feature_scatter(j, k), static_cast<double>(wanted.scatter[j * six_features + k]),
                    digits * size(j) * size(k) + rounding)
            << j << ", " << k;
      }
      for (std::size_t k = 0; k < two_targets; ++k) {
        EXPECT_NEAR(found.cross_scatter(j, k), static_cast<double>(wanted.cross[j * two_targets + k]),
                    digits * size(j) * std::sqrt(static_cast<double>(wanted.target_square[k])) + rounding)
            << j << ", " << k;
      }
      EXPECT_NEAR(found.unbiased.a_x[j], static_cast<double>(wanted.a_x[j]), 100 * digits * trace * size(j));
    }
  }
};

const std::vector<std::size_t> equal(20, 256);

TEST_F(Centres, NearEachOther) {
  expect_digits(equal, [](double noise, std::size_t, std::size_t) { return noise; });
}

// As everywhere: far from 0.
TEST_F(Centres, FarFromZero) {
  expect_digits(equal,
                [](double noise, std::size_t j, std::size_t) { return noise + (j % 2 == 0 ? 1e4 : -1e4); });
}

// Rows that come sorted: in some columns each tile's mean lies elsewhere, in the others nothing happens.
TEST_F(Centres, OfSortedRows) {
  expect_digits(equal, [](double noise, std::size_t j, std::size_t tile) {
    return noise + (j < 2 ? 1e4 * static_cast<double>(tile * tile % 7) : 0.0);
  });
}

// The first tile is like no other one.
TEST_F(Centres, AfterAnOddBeginning) {
  expect_digits(equal, [](double noise, std::size_t j, std::size_t tile) {
    return noise + (tile == 0 && j < 3 ? 1e5 : 0.0);
  });
}

// Few rows may be like no others: their mean is no centre for many.
TEST_F(Centres, OfTilesThatGrow) {
  expect_digits({250, 1, 16384, 3, 2, 16384}, [](double noise, std::size_t j, std::size_t tile) {
    return noise + (j < 3 && (tile == 1 || tile == 4) ? 1e6 : 0.0);
  });
}

// What never varies has no scatter at all, and what varies from tile to tile only has that.
TEST_F(Centres, OfConstantColumns) {
  const auto numbers = [](double noise, std::size_t j, std::size_t tile) {
    return j == 3 ? 0.1 : j == 4 ? 0.1 * static_cast<double>(tile) : noise;
  };
  Matrix h;
  Matrix y;
  const Moments found = folded(equal, numbers, h, y);
  for (std::size_t k = 0; k < six_features; ++k) {
    EXPECT_EQ(found.feature_scatter(3, k), 0);
  }
  expect_digits(equal, numbers);
}

}  // namespace
}  // namespace collapscope
