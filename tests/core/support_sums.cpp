// More references: folds and their comparison, HSIC, residual sums.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "backend/segments.hpp"
#include "core/product_rounding.hpp"
#include "core/support.hpp"
#include "core/vector_math.hpp"

namespace collapscope::test {

namespace {

using Long = long double;

// K_ij of centred rows, 0 on the diagonal, row-major [N, N]: no row's square is in the way.
std::vector<Long> kernel(const Matrix& rows) {
  const std::size_t n = rows.rows();
  std::vector<Long> k(n * n, 0);
  for (std::size_t c = 0; c < rows.cols(); ++c) {
    std::vector<Long> column(n);
    Long mean = 0;
    for (std::size_t i = 0; i < n; ++i) {
      column[i] = rows(i, c);
      mean += column[i] / static_cast<Long>(n);
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        k[i * n + j] += i == j ? 0 : (column[i] - mean) * (column[j] - mean);
      }
    }
  }
  return k;
}

void expect_all_near(std::span<const double> found, std::span<const double> expected, double tolerance,
                     const char* what) {
  EXPECT_LE(largest_difference(found, expected), tolerance) << what;
}

double mean_size(const std::vector<double>& mean) {
  double largest = 0;
  for (const double value : mean) {
    largest = std::max(largest, std::abs(value));
  }
  return largest;
}

}  // namespace

Moments folded(Backend& backend, const Matrix& features, const Matrix& targets, Precision precision,
               RowKeeping keeping) {
  FoldSpec spec;
  spec.precision = precision;
  spec.keeping = keeping;
  spec.format.channels = features.cols();
  spec.targets = targets.cols();
  spec.normalized_scatter = true;
  Padded padded(targets);
  const std::size_t tile = backend.tile_rows(features.cols());
  return fold_rows(backend, spec, features.rows(), [&](Fold& fold, std::uint64_t begin, std::uint64_t end) {
    for (std::size_t first = begin; first < end; first += tile) {
      const std::size_t rows = std::min<std::size_t>(tile, end - first);
      const auto values = features.values().subspan(first * features.cols(), rows * features.cols());
      fold.add({std::as_bytes(values), 0, rows, first}, padded.view().middle_rows(first, rows));
    }
    fold.settle();
  });
}

namespace {

Vector products(Scatter scatter) {
  scatter.multiply_out();
  const auto values = std::as_const(scatter.products).values();
  return {values.begin(), values.end()};
}

}  // namespace

// Scales are those of the Cauchy-Schwarz bounds of each sum; a mean is stored with eps |mean|.
void expect_near(const Moments& found, const Moments& expected, double slack) {
  const double n = static_cast<double>(expected.count);
  const double unit = 4 * (4 + std::sqrt(n)) * eps * slack;
  const double x = std::sqrt(trace(expected.feature_scatter));
  const double y = std::sqrt(trace(expected.target_scatter));
  const double a = std::sqrt(expected.unbiased.aa);
  const double b = std::sqrt(expected.unbiased.bb);
  EXPECT_EQ(found.count, expected.count);
  EXPECT_EQ(found.zero_rows, expected.zero_rows);
  expect_all_near(found.feature_mean, expected.feature_mean,
                  unit * x / std::sqrt(n) + 4 * eps * mean_size(expected.feature_mean), "feature mean");
  expect_all_near(found.target_mean, expected.target_mean,
                  unit * y / std::sqrt(n) + 4 * eps * mean_size(expected.target_mean), "target mean");
  expect_all_near(products(found.feature_scatter), products(expected.feature_scatter), unit * x * x, "x x");
  expect_all_near(found.cross_scatter.values(), expected.cross_scatter.values(), unit * x * y, "x y");
  expect_all_near(found.target_scatter.values(), expected.target_scatter.values(), unit * y * y, "y y");
  EXPECT_NEAR(found.unbiased.aa, expected.unbiased.aa, unit * a * a);
  EXPECT_NEAR(found.unbiased.ab, expected.unbiased.ab, unit * a * b);
  EXPECT_NEAR(found.unbiased.bb, expected.unbiased.bb, unit * b * b);
  expect_all_near(found.unbiased.a_x, expected.unbiased.a_x, unit * a * x, "a x");
  expect_all_near(found.unbiased.a_y, expected.unbiased.a_y, unit * a * y, "a y");
  expect_all_near(found.unbiased.b_x, expected.unbiased.b_x, unit * b * x, "b x");
  expect_all_near(found.unbiased.b_y, expected.unbiased.b_y, unit * b * y, "b y");
  EXPECT_NEAR(found.norm_sum, expected.norm_sum, unit * expected.norm_sum);
  expect_all_near(products(found.normalized_scatter), products(expected.normalized_scatter), unit * n, "T");
}

void expect_within_rounding(Moments found, const Moments& expected) {
  ASSERT_FALSE(found.scatter_error.empty());
  const double rounding = product_rounding(found);
  const double n = static_cast<double>(expected.count);
  const double float64 = 4 * (4 + std::sqrt(n)) * eps;
  const auto compare = [&](Matrix& scatter, const Matrix& wanted) {
    double error = 0;
    for (std::size_t i = 0; i < wanted.rows(); ++i) {
      EXPECT_NEAR(scatter(i, i), wanted(i, i), float64 * trace(wanted));
      for (std::size_t j = 0; j < wanted.cols(); ++j) {
        error = std::hypot(error, scatter(i, j) - wanted(i, j));
      }
    }
    EXPECT_LE(error, (rounding + float64) * trace(wanted));
    scatter = wanted;
  };
  compare(found.feature_scatter.products, expected.feature_scatter.products);
  compare(found.normalized_scatter.products, expected.normalized_scatter.products);
  // The fourth-order sums move with the scatter when the mean does.
  EXPECT_NEAR(found.unbiased.aa, expected.unbiased.aa, (float64 + 8 * rounding) * expected.unbiased.aa);
  EXPECT_NEAR(found.unbiased.ab, expected.unbiased.ab,
              (float64 + 8 * rounding) * std::sqrt(expected.unbiased.aa) * std::sqrt(expected.unbiased.bb));
  found.unbiased = expected.unbiased;
  expect_near(found, expected);
}

bool same(const Moments& a, const Moments& b) {
  const UnbiasedSums& u = a.unbiased;
  const UnbiasedSums& v = b.unbiased;
  return a.count == b.count && a.feature_mean == b.feature_mean && a.target_mean == b.target_mean &&
         a.feature_scatter == b.feature_scatter && a.cross_scatter == b.cross_scatter &&
         a.target_scatter == b.target_scatter && u.aa == v.aa && u.ab == v.ab && u.bb == v.bb &&
         u.a_x == v.a_x && u.a_y == v.a_y && u.b_x == v.b_x && u.b_y == v.b_y && a.norm_sum == b.norm_sum &&
         a.zero_rows == b.zero_rows && a.normalized_scatter == b.normalized_scatter &&
         a.scatter_error == b.scatter_error && a.normalized_scatter_error == b.normalized_scatter_error;
}

double naive_hsic(const Matrix& x, const Matrix& y) {
  const std::size_t n = x.rows();
  const std::vector<Long> k = kernel(x);
  const std::vector<Long> l = kernel(y);
  Long products = 0;  // tr(K L)
  Long sum_k = 0;
  Long sum_l = 0;
  Long through = 0;  // 1^T K L 1
  for (std::size_t i = 0; i < n; ++i) {
    Long row_k = 0;
    Long row_l = 0;
    for (std::size_t j = 0; j < n; ++j) {
      products += k[i * n + j] * l[j * n + i];
      row_k += k[i * n + j];
      row_l += l[i * n + j];
    }
    sum_k += row_k;
    sum_l += row_l;
    through += row_k * row_l;
  }
  const Long size = static_cast<Long>(n);
  return static_cast<double>(products + sum_k * sum_l / ((size - 1) * (size - 2)) - 2 * through / (size - 2));
}

SubspaceResiduals naive_residuals(const Matrix& rows, const Matrix& basis, const std::vector<double>& mean) {
  const auto outside = [&](const std::vector<Long>& v, Long& square, Long& share) {
    std::vector<Long> rest = v;
    Long length = 0;
    for (std::size_t q = 0; q < basis.rows(); ++q) {
      Long along = 0;
      for (std::size_t j = 0; j < v.size(); ++j) {
        along += v[j] * basis(q, j);
      }
      for (std::size_t j = 0; j < v.size(); ++j) {
        rest[j] -= along * basis(q, j);
      }
    }
    Long left = 0;
    for (std::size_t j = 0; j < v.size(); ++j) {
      left += rest[j] * rest[j];
      length += v[j] * v[j];
    }
    square += left;
    share += length > 0 ? left / length : 0;
  };
  Long plain = 0;
  Long normalized = 0;
  Long centred = 0;
  Long centred_normalized = 0;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.view().row(i);
    std::vector<Long> v(row.begin(), row.end());
    outside(v, plain, normalized);
    for (std::size_t j = 0; j < v.size(); ++j) {
      v[j] -= mean[j];
    }
    outside(v, centred, centred_normalized);
  }
  return {static_cast<double>(plain), static_cast<double>(normalized), static_cast<double>(centred),
          static_cast<double>(centred_normalized)};
}

std::string temporary_path(const std::string& name) {
  const auto path =
      std::filesystem::temp_directory_path() / ("collapscope_core_" + std::to_string(getpid()) + name);
  std::filesystem::remove_all(path);
  return path.string();
}

}  // namespace collapscope::test
