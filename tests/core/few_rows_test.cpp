// Layers of few rows: moments that hold them, and the eigenpairs in the space that they span.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "collapscope/core/error.hpp"
#include "core/support.hpp"
#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"
#include "linalg/eigen_of_rows.hpp"
#include "linalg/scatter_products.hpp"

namespace collapscope {
namespace {

using test::eps;
using test::Random;

constexpr std::size_t wide = 400;  // 100 rows of which are few

std::unique_ptr<Backend> cpu(std::size_t threads = 2) { return make_cpu_backend(threads); }

Matrix shifted(Matrix rows, double by) {
  for (double& value : rows.values()) {
    value += by;
  }
  return rows;
}

Moments held(const Matrix& x, const Matrix& y, RowKeeping keeping = RowKeeping::all) {
  return test::folded(*cpu(), x, y, Precision::float64, keeping);
}

TEST(FewRows, AreAQuarterOfTheFeaturesAtMost) {
  EXPECT_TRUE(are_few_rows(100, wide));
  EXPECT_FALSE(are_few_rows(101, wide));
  EXPECT_FALSE(are_few_rows(1, 255));
}

TEST(FewRows, AreHeldAndHaveTheMomentsOfAll) {
  Random random(1);
  for (const std::size_t rows : {1U, 7U, 100U}) {
    for (const double offset : {0.0, 1e4}) {
      const Matrix x = shifted(test::random_matrix(rows, wide, random), offset);
      const Matrix y = test::random_matrix(rows, 3, random);
      const Moments found = held(x, y);
      EXPECT_TRUE(found.feature_scatter.products.empty());
      EXPECT_EQ(found.feature_scatter.rows.rows(), rows);
      test::expect_near(found, test::naive_moments(x, y));
    }
  }
}

TEST(FewRows, DoNotDependOnThreads) {
  Random random(2);
  const Matrix x = test::random_matrix(90, wide, random);
  const Matrix y = test::random_matrix(90, 2, random);
  const Moments one = test::folded(*cpu(1), x, y, Precision::float64, RowKeeping::all);
  EXPECT_TRUE(test::same(one, test::folded(*cpu(3), x, y, Precision::float64, RowKeeping::all)));
}

TEST(FewRows, AConstantColumnHasNoVariance) {
  Random random(3);
  Matrix x = test::random_matrix(50, wide, random);
  for (std::size_t i = 0; i < x.rows(); ++i) {
    x(i, 7) = 0.1;
  }
  const Moments found = held(x, test::random_matrix(50, 1, random));
  EXPECT_EQ(found.feature_scatter(7, 7), 0);
  EXPECT_EQ(found.feature_mean[7], 0.1);
}

// Rows in two parts, held or not: the whole, in either form.
TEST(FewRows, MergeAsOthersDo) {
  Random random(4);
  for (const double offset : {100.0}) {
    for (const std::size_t rows : {100U, 101U}) {
      const Matrix x = shifted(test::random_matrix(rows, wide, random), offset);
      const Matrix y = test::random_matrix(rows, 2, random);
      const Moments expected = test::naive_moments(x, y);
      for (const std::size_t first : {std::size_t{1}, rows / 2, std::min<std::size_t>(rows - 1, 100)}) {
        for (const bool second_is_held : {true, false}) {
          const std::size_t left = rows - first;
          Moments whole = held(test::rows_of(x, 0, first), test::rows_of(y, 0, first));
          const Matrix x2 = test::rows_of(x, first, left);
          const Matrix y2 = test::rows_of(y, first, left);
          const bool holds = second_is_held && left <= 100;
          merge(whole, held(x2, y2, holds ? RowKeeping::all : RowKeeping::none));
          EXPECT_EQ(whole.feature_scatter.holds_rows(), holds && rows <= 100);
          EXPECT_EQ(whole.normalized_scatter.holds_rows(), holds && rows <= 100);
          test::expect_near(whole, expected, 2);
        }
      }
    }
  }
}

TEST(FewRows, BecomeProductsWhenThereAreMany) {
  Random random(5);
  Matrix x = test::random_matrix(9, wide, random);
  Scatter scatter = Scatter::of_rows(x);
  EXPECT_EQ(scatter.order(), wide);
  const Scatter rows = scatter;
  scatter.multiply_out();
  EXPECT_FALSE(scatter.holds_rows());
  const Matrix expected = linalg::product(x, linalg::Transpose::yes, x, linalg::Transpose::no);
  EXPECT_LE(test::largest_difference(std::as_const(scatter.products).values(), expected.values()), 64 * eps);
  EXPECT_NEAR(trace(rows), trace(scatter), 1e-10);
  EXPECT_NEAR(linalg::square_norm(rows), linalg::square_norm(scatter), 1e-8);
  EXPECT_NEAR(linalg::leading_norm(rows, 5), linalg::leading_norm(scatter, 5), 1e-10);
  const Matrix along = test::random_matrix(2, wide, random);
  EXPECT_NEAR(linalg::trace_along(along, rows), linalg::trace_along(along, scatter), 1e-8);
  const std::vector<double> v(along.data(), along.data() + wide);
  EXPECT_LE(test::largest_difference(product(rows, v), product(scatter, v)), 1e-10);
  Scatter longer = rows;
  Scatter larger = scatter;
  for (Scatter* one : {&longer, &larger}) {
    add_square(*one, 2.0, v);
    linalg::divide(*one, 3.0);
  }
  longer.multiply_out();
  EXPECT_LE(test::largest_difference(longer.products.values(), larger.products.values()), 1e-12);
}

// Where nobody knows how many rows will come: the bits of those who know.
TEST(GrowingFold, HoldsRowsWhileTheyAreFew) {
  Random random(6);
  for (const std::size_t rows : {1U, 100U, 101U, 700U}) {
    const Matrix x = test::random_matrix(rows, wide, random);
    const Matrix y = test::random_matrix(rows, 2, random);
    const bool few = rows <= 100;
    EXPECT_TRUE(
        test::same(held(x, y, RowKeeping::while_few), held(x, y, few ? RowKeeping::all : RowKeeping::none)));
  }
}

TEST(GrowingFold, EachSegmentBeginsAnew) {
  Random random(7);
  FoldSpec spec;
  spec.format.channels = wide;
  spec.targets = 1;
  spec.rows = 1000;
  spec.keeping = RowKeeping::while_few;
  const auto backend = cpu();
  const auto fold = backend->make_fold(spec);
  for (const std::size_t rows : {300U, 20U, 256U, 100U}) {
    const Matrix x = test::random_matrix(rows, wide, random);
    const Matrix y = test::random_matrix(rows, 1, random);
    for (std::size_t first = 0; first < rows; first += 128) {
      const std::size_t some = std::min<std::size_t>(128, rows - first);
      fold->add({std::as_bytes(x.values().subspan(first * wide, some * wide)), 0, some, first},
                y.view().middle_rows(first, some));
    }
    const Moments found = fold->finish();
    EXPECT_EQ(found.feature_scatter.holds_rows(), rows <= 100);
    EXPECT_EQ(found.count, rows);
    Moments expected = test::naive_moments(x, y);
    expected.normalized_scatter = {};
    test::expect_near(found, expected);
  }
  EXPECT_EQ(fold->finish().count, 0U);
}

// Not that of as many rows as a segment, or as there are features, which would be 1.1 GiB.
TEST(GrowingFold, TakesTheMemoryOfTheRowsThatCome) {
  constexpr std::size_t d = 12'000;
  const auto peak = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;  // MiB
  };
  Random random(12);
  const Matrix x = test::random_matrix(8, d, random);
  FoldSpec spec;
  spec.format.channels = d;
  spec.targets = 1;
  spec.rows = 65'536;
  spec.normalized_scatter = true;
  spec.keeping = RowKeeping::while_few;
  const auto before = peak();
  const auto backend = cpu();
  const auto fold = backend->make_fold(spec);
  const Matrix targets(8, 1);
  fold->add({std::as_bytes(x.values()), 0, 8, 0}, targets.view());
  EXPECT_EQ(fold->finish().feature_scatter.rows.rows(), 8U);
  EXPECT_LT(peak() - before, 256);
}

TEST(FewRowsFold, NamesTheSampleThatIsNotFinite) {
  Random random(8);
  Matrix x = test::random_matrix(40, wide, random);
  x(33, 5) = test::nan;
  for (const RowKeeping keeping : {RowKeeping::all, RowKeeping::while_few}) {
    try {
      (void)held(x, Matrix(40, 1), keeping);
      ADD_FAILURE() << "a NaN went by";
    } catch (const NonFiniteSample& offending) {
      EXPECT_EQ(offending.sample, 33U);
    }
  }
}

Eigenbasis of_rows(const Matrix& rows, std::size_t pairs = 0) {
  return linalg::eigen_of_rows(rows, pairs,
                               [](const Matrix& inside) { return linalg::symmetric_eigen(inside); });
}

// Rows with given singular values: all pairs, the tiny ones orthonormal, too.
TEST(EigenOfRows, PairsAreThoseOfTheWholeMatrix) {
  Random random(9);
  for (const double scale : {1.0, 1e-150, 1e140}) {
    const std::vector<double> singular{3, 2, 1, 1, 1e-3, 1e-6, 1e-9, 0, 0};
    const Matrix left = test::random_orthonormal(9, 9, random);
    const Matrix right = test::random_orthonormal(9, 90, random);
    Matrix middle(9, 90);
    for (std::size_t i = 0; i < 9; ++i) {
      for (std::size_t j = 0; j < 90; ++j) {
        middle(i, j) = scale * singular[i] * right(i, j);
      }
    }
    const Matrix rows = linalg::product(left, linalg::Transpose::no, middle, linalg::Transpose::no);
    for (const std::size_t pairs : {0U, 9U, 14U, 90U}) {
      const Eigenbasis found = of_rows(rows, pairs);
      EXPECT_TRUE(found.is_full());
      ASSERT_EQ(found.size(), std::max<std::size_t>(9, pairs));
      EXPECT_LE(test::orthogonality_error(found.vectors), 90 * eps);
      for (std::size_t j = 0; j < found.size(); ++j) {
        const double expected = j < 9 ? scale * singular[j] * scale * singular[j] : 0;
        EXPECT_NEAR(found.values[j], expected, 90 * eps * 9 * scale * scale) << j;
        EXPECT_GE(found.values[j], 0);
      }
    }
  }
}

TEST(EigenOfRows, RowsThatAreZeroOrAlikeDoNotHurt) {
  Random random(10);
  Matrix rows(6, 300);
  EXPECT_EQ(of_rows(rows, 7).values, std::vector<double>(7, 0.0));
  for (const std::size_t i : {1U, 4U, 5U}) {
    std::fill(rows.view().row(i).begin(), rows.view().row(i).end(), 0.5);
  }
  const Eigenbasis found = of_rows(rows);
  EXPECT_NEAR(found.values[0], 3 * 300 * 0.25, 1e-10);
  EXPECT_LE(found.values[1], 300 * eps * found.values[0]);
  EXPECT_LE(test::orthogonality_error(found.vectors), 300 * eps);
}

TEST(EigenOfRows, RefusesWhatItCannotDo) {
  Random random(11);
  EXPECT_THROW((void)of_rows(test::random_matrix(5, 4, random)), UsageError);
  EXPECT_THROW((void)of_rows(test::random_matrix(4, 5, random), 6), UsageError);
  EXPECT_THROW((void)of_rows(shifted(Matrix(3, 300), 1e200)), NumericalError);
  const auto wrong = [](const Matrix& inside) {
    Eigenbasis basis = linalg::symmetric_eigen(inside);
    basis.values.front() *= 1.001;
    return basis;
  };
  EXPECT_THROW((void)linalg::eigen_of_rows(test::random_matrix(5, 300, random), 0, wrong), NumericalError);
}

}  // namespace
}  // namespace collapscope
