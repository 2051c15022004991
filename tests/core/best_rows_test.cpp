// Which row is the best is what the exact rule says of all rows, however they are screened.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "core/class_scores.hpp"
#include "core/support.hpp"
#include "cpu/best_rows.hpp"
#include "linalg/float_rows.hpp"

namespace collapscope::cpu {
namespace {

using test::Random;

double length_of(std::span<const double> v) {
  double largest = 0;
  for (const double value : v) {
    largest = std::max(largest, std::abs(value));
  }
  double sum = 0;
  for (const double value : v) {
    sum += largest > 0 ? (value / largest) * (value / largest) : 0;
  }
  return largest * std::sqrt(sum);
}

double square_between(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    sum += (a[j] - b[j]) * (a[j] - b[j]);
  }
  return sum;
}

// Of 256 at once.
struct Counts {
  std::size_t asked = 0;     // the exact rule
  std::size_t screened = 0;  // by floats
  std::size_t known = 0;     // of these, from floats
};

// What is sought for: rows of xs among `rows`.
class Search {
 public:
  Search(const Matrix& xs, const Matrix& rows, ClassScores scores)
      : xs_(xs), scores_(scores), best_(rows, scores), floats_(xs.rows(), xs.cols()), room_(64, xs.cols()) {
    for (std::size_t i = 0; i < xs.rows(); ++i) {
      norms_.push_back(length_of(xs.view().row(i)));
      scales_.push_back(scale_of_norm(norms_.back()));
      floats_.fill_row(i, xs.view().row(i), scales_.back());
    }
  }

  // value(x, row)
  template <class Value>
  void expect_best(std::size_t rows, const Value& value) {
    std::size_t asked = 0;
    const BestRows::Rule rule{
        [&](std::size_t i, std::size_t row) {
          ++asked;
          return value(xs_.view().row(i), row);
        },
        [&](std::size_t i, std::span<double> to) { std::ranges::copy(xs_.view().row(i), to.begin()); }};
    for (const std::size_t at_once : {std::size_t{256}, std::size_t{100}, std::size_t{5}}) {
      std::vector<std::size_t> found(xs_.rows());
      BestRows::Bench bench;
      asked = 0;
      for (std::size_t first = 0; first < xs_.rows(); first += at_once) {
        const std::size_t count = std::min(at_once, xs_.rows() - first);
        // The numbers of a rule count from `first` on.
        const BestRows::Rule shifted{
            [&](std::size_t i, std::size_t row) { return rule.value(first + i, row); },
            [&](std::size_t i, std::span<double> to) { rule.read(first + i, to); }};
        const ScaledVectors some{floats_.rows(xs_.rows()).middle_rows(first, count),
                                 std::span(scales_).subspan(first, count),
                                 std::span(norms_).subspan(first, count)};
        best_.find(some, shifted, room_, bench, std::span(found).subspan(first, count));
      }
      if (at_once == 256) {
        counts_ = {asked, bench.screened, bench.known};
      }
      for (std::size_t i = 0; i < xs_.rows(); ++i) {
        ASSERT_EQ(found[i], best_of(i, rows, value)) << i << ", " << at_once << " at once";
      }
    }
  }

  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  template <class Value>
  [[nodiscard]] std::size_t best_of(std::size_t i, std::size_t rows, const Value& value) const {
    std::vector<double> values;
    for (std::size_t row = 0; row < rows; ++row) {
      values.push_back(value(xs_.view().row(i), row));
    }
    const double least = *std::ranges::min_element(values);
    std::size_t row = 0;
    while (values[row] - (scores_.tie > 0 ? tie_of(scores_, norms_[i], values[row]) : 0) > least) {
      ++row;
    }
    return row;
  }

  const Matrix& xs_;
  ClassScores scores_;
  BestRows best_;
  linalg::FloatRows floats_;
  Room room_;
  std::vector<double> norms_;
  std::vector<double> scales_;
  Counts counts_;
};

Counts nearest_found(const Matrix& xs, const Matrix& means) {
  Search search(xs, means, scores_of_distance(means));
  search.expect_best(means.rows(), [&](std::span<const double> x, std::size_t row) {
    return square_between(x, means.view().row(row));
  });
  return search.counts();
}

// The choice of W (mean + x) + b.
Counts choice_found(const Matrix& xs, const Matrix& weight, const std::vector<double>& bias,
                    const std::vector<double>& mean) {
  Search search(xs, weight, scores_of_classifier(weight, bias, mean));
  search.expect_best(weight.rows(), [&](std::span<const double> x, std::size_t row) {
    double score = bias[row];
    for (std::size_t j = 0; j < x.size(); ++j) {
      score += weight(row, j) * (x[j] + mean[j]);
    }
    return -score;
  });
  return search.counts();
}

// Rows about means, as far from them as the means are from one another.
Matrix rows_about(const Matrix& means, std::size_t count, Random& random) {
  Matrix rows(count, means.cols());
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t c = random.below(means.rows());
    for (std::size_t j = 0; j < means.cols(); ++j) {
      rows(i, j) = means(c, j) + random.normal();
    }
  }
  return rows;
}

std::vector<double> normals(std::size_t count, double size, Random& random) {
  std::vector<double> values(count);
  std::ranges::generate(values, [&] { return size * random.normal(); });
  return values;
}

void scale(Matrix& matrix, double by) {
  for (double& value : matrix.values()) {
    value *= by;
  }
}

TEST(BestRows, OfOverlappingClassesAreFoundByFloats) {
  Random random(3);
  for (const auto& [classes, d] :
       {std::pair{3, 40}, std::pair{300, 20}, std::pair{3000, 24}, std::pair{1, 7}}) {
    SCOPED_TRACE(classes);
    const Matrix means =
        test::random_matrix(static_cast<std::size_t>(classes), static_cast<std::size_t>(d), random);
    const Matrix xs = rows_about(means, 600, random);
    const std::vector<double> bias = normals(means.rows(), 1, random);
    const std::vector<double> mean = normals(means.cols(), 3, random);
    for (const Counts& counts : {nearest_found(xs, means), choice_found(xs, means, bias, mean)}) {
      EXPECT_EQ(counts.screened, 600U);
      EXPECT_EQ(counts.known, 600U);
      EXPECT_LT(counts.asked, 60U);
    }
  }
}

TEST(BestRows, OfScalesFarFromOne) {
  Random random(4);
  for (const double of_rows : {1e-120, 1e-30, 1.0, 1e50, 1e120}) {
    for (const double of_xs : {1e-120, 1e-20, 1.0, 1e30, 1e120}) {
      SCOPED_TRACE(of_rows);
      SCOPED_TRACE(of_xs);
      Matrix means = test::random_matrix(50, 12, random);
      Matrix xs = rows_about(means, 70, random);
      scale(means, of_rows);
      scale(xs, of_xs);
      (void)nearest_found(xs, means);
      (void)choice_found(xs, means, normals(50, of_rows * of_xs, random), normals(12, of_xs, random));
      (void)choice_found(xs, means, normals(50, 1e-30, random), normals(12, 1, random));
    }
  }
}

TEST(BestRows, OfXsAndRowsOfManySizesAtOnce) {
  Random random(5);
  Matrix means = test::random_matrix(60, 12, random);
  Matrix xs = rows_about(means, 200, random);
  for (std::size_t i = 0; i < 200; ++i) {
    const double size = i == 3 ? 0 : std::pow(10.0, static_cast<double>(random.below(80)) - 40);
    for (double& value : xs.view().row(i)) {
      value *= size;
    }
  }
  (void)nearest_found(xs, means);
  (void)choice_found(xs, means, normals(60, 1, random), normals(12, 1, random));
  for (std::size_t c = 0; c < 60; ++c) {
    const double size = c == 7 ? 0 : std::pow(10.0, static_cast<double>(random.below(20)) - 10);
    for (double& value : means.view().row(c)) {
      value *= size;
    }
  }
  (void)nearest_found(xs, means);
  (void)choice_found(xs, means, normals(60, 1, random), normals(12, 1, random));
}

// A vector that all rows share and float32 cannot see beside: float64 screens, and soon it alone.
TEST(BestRows, OfRowsThatShareAHugeVector) {
  Random random(6);
  Matrix weight = test::random_matrix(400, 16, random);
  for (std::size_t c = 0; c < 400; ++c) {
    weight(c, 0) += 1e6;
  }
  const Matrix xs = test::random_matrix(1500, 16, random);
  const Counts counts = choice_found(xs, weight, normals(400, 1, random), normals(16, 1, random));
  EXPECT_EQ(counts.screened, 256U);
  EXPECT_EQ(counts.known, 0U);
  EXPECT_LT(counts.asked, 150U);
}

// The number of rows that an exact rule decides between has a bound where floats screen.
TEST(BestRows, OfWhichSomeAreNearToEachOther) {
  Random random(7);
  Matrix means = test::random_matrix(1000, 16, random);
  for (std::size_t c = 1; c < 500; ++c) {
    for (std::size_t j = 0; j < 16; ++j) {
      means(c, j) = means(0, j) + 1e-9 * random.normal();
    }
  }
  Matrix xs = rows_about(means, 1024, random);
  const Counts counts = nearest_found(xs, means);
  EXPECT_GT(counts.known, counts.screened / 4);
  EXPECT_LT(counts.known, counts.screened);
  EXPECT_LT(counts.asked, 1500U);
}

TEST(BestRows, TheFirstOfEqualOnes) {
  Random random(8);
  Matrix means = test::random_matrix(90, 10, random);
  for (std::size_t c = 0; c < 45; ++c) {
    std::ranges::copy(means.view().row(c), means.view().row(89 - c).begin());
  }
  const Matrix xs = rows_about(means, 300, random);
  (void)nearest_found(xs, means);
  (void)choice_found(xs, means, std::vector<double>(90, 0.0), normals(10, 1, random));
  const Matrix zeros(90, 10);
  (void)nearest_found(xs, zeros);
  (void)choice_found(xs, zeros, std::vector<double>(90, 0.0), normals(10, 1, random));
  // Half way between two means but for rounding, and all as far from 0.
  Matrix between(300, 10);
  for (std::size_t i = 0; i < 300; ++i) {
    for (std::size_t j = 0; j < 10; ++j) {
      between(i, j) = (means(i % 90, j) + means((7 * i + 1) % 90, j)) / 2;
    }
  }
  (void)nearest_found(between, means);
  Matrix axes(20, 20);
  for (std::size_t c = 0; c < 20; ++c) {
    axes(c, (7 * c) % 20) = 3.1;
  }
  (void)nearest_found(Matrix(40, 20), axes);
}

}  // namespace
}  // namespace collapscope::cpu
