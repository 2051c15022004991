// Eigenvectors as factors against those written out, over spectra with clusters, zeros and all sizes; and
// factors that are wrong.
#include "linalg/factored_eigen.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "collapscope/core/error.hpp"
#include "core/support.hpp"
#include "linalg/blas.hpp"
#include "linalg/coordinates.hpp"
#include "linalg/decompose.hpp"
#include "linalg/rank_one_update.hpp"

namespace collapscope {
namespace {

using linalg::coordinates;
using linalg::eigen_by_factors;
using linalg::factored_eigen;
using test::eps;
using test::Random;

struct FactoredCase {
  const char* name;
  std::function<double(double place, double order)> value;
};

std::vector<FactoredCase> factored_cases() {
  const auto signal = [](double i) { return 3.0 - i; };
  return {
      {"zero", [](double, double) { return 0.0; }},
      {"identity", [](double, double) { return 1.0; }},
      {"rank one", [](double i, double) { return i == 0 ? 5.0 : 0.0; }},
      {"rank 3", [=](double i, double) { return i < 3 ? signal(i) : 0.0; }},
      {"half the rank", [](double i, double d) { return 2 * i < d ? 1 / (1 + i) : 0.0; }},
      {"collapsed to 1e-9", [=](double i, double) { return i < 3 ? signal(i) : 1e-9; }},
      {"collapsed to rounding", [=](double i, double) { return i < 3 ? signal(i) : 1e-16; }},
      {"collapsed, uneven", [=](double i, double d) { return i < 3 ? signal(i) : 1e-9 * (1 - 0.9 * i / d); }},
      {"two clusters", [](double i, double d) { return 2 * i < d ? 1.0 : 1e-9; }},
      {"near ties", [](double i, double) { return 2 - 1e-13 * std::fmod(i, 7) - 1e-3 * std::floor(i / 7); }},
      {"graded", [](double i, double d) { return std::pow(10.0, -16 * i / d); }},
      {"power law", [](double i, double) { return std::pow(i + 1, -1.5); }},
      {"evenly spaced", [](double i, double d) { return 1 - i / d; }},
      {"indefinite", [](double i, double d) { return 1 - 2 * i / d; }},
      {"tiny", [](double i, double) { return 1e-150 / (i + 1); }},
      {"huge", [](double i, double) { return 1e150 / (i + 1); }},
  };
}

Matrix with_case(const FactoredCase& wanted, std::size_t d, std::vector<double>& values) {
  for (std::size_t i = 0; i < d; ++i) {
    values.push_back(wanted.value(static_cast<double>(i), static_cast<double>(d)));
  }
  std::sort(values.rbegin(), values.rend());
  Random random(d);
  return test::covariance(values, random);
}

// Around the blocks of reflectors, which have 32.
TEST(FactoredEigen, AreTheEigenpairs) {
  for (const std::size_t d : {1U, 2U, 3U, 4U, 5U, 31U, 32U, 33U, 34U, 65U, 66U, 130U, 300U}) {
    for (const FactoredCase& wanted : factored_cases()) {
      SCOPED_TRACE(testing::Message() << wanted.name << ", order " << d);
      std::vector<double> values;
      const Matrix a = with_case(wanted, d, values);
      const std::size_t written = std::min<std::size_t>(d, 4);
      const auto found = eigen_by_factors(a, written);
      ASSERT_TRUE(found);
      ASSERT_TRUE(found->factors);
      EXPECT_TRUE(found->is_full());
      ASSERT_EQ(found->size(), d);
      ASSERT_EQ(found->vectors.rows(), written);
      ASSERT_EQ(found->vectors.cols(), d);
      const double rounding = static_cast<double>(d) * eps;
      const double largest = std::max(std::abs(values.front()), std::abs(values.back()));
      EXPECT_LE(test::largest_difference(found->values, values), 16 * rounding * largest);

      // Multiplied out they are a basis that passes the check, and the first are those that are written.
      const Eigenbasis whole{found->values, linalg::combinations(*found, test::identity(d))};
      EXPECT_TRUE(linalg::passes_check(a, whole));
      EXPECT_TRUE(linalg::passes_check(a, *found));
      EXPECT_LE(test::orthogonality_error(whole.vectors), 8 * rounding);
      for (std::size_t j = 0; j < written; ++j) {
        EXPECT_LE(test::largest_difference(found->vectors.view().row(j), whole.vectors.view().row(j)),
                  8 * rounding);
      }
      Random random(d + 1);
      const Matrix rows = test::random_matrix(3, d, random);
      const Matrix along = coordinates(*found, rows);
      EXPECT_LE(test::largest_difference(along.values(), coordinates(whole, rows).values()), 40 * rounding);
      EXPECT_LE(test::largest_difference(linalg::combinations(*found, along).values(), rows.values()),
                40 * rounding);
    }
  }
}

TEST(FactoredEigen, SubspacesAreThoseOfAllVectors) {
  for (const std::size_t d : {40U, 150U}) {
    std::vector<double> values;
    const Matrix a = with_case({"", [](double i, double) { return i < 3 ? 3.0 - i : 1e-9; }}, d, values);
    const auto found = eigen_by_factors(a, 3);
    ASSERT_TRUE(found);
    const Eigenbasis all = linalg::symmetric_eigen(a);
    const Matrix along = coordinates(all, found->vectors);
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < d; ++j) {
        EXPECT_NEAR(std::abs(along(i, j)), i == j ? 1 : 0, 16 * static_cast<double>(d) * eps);
      }
    }
  }
}

TEST(FactoredEigen, SameBitsAgain) {
  std::vector<double> values;
  const Matrix a = with_case({"", [](double i, double) { return 1 / (1 + i); }}, 200, values);
  const auto once = eigen_by_factors(a, 5);
  const auto again = eigen_by_factors(a, 5);
  EXPECT_EQ(once->values, again->values);
  EXPECT_EQ(once->vectors, again->vectors);
  EXPECT_EQ(coordinates(*once, a), coordinates(*again, a));
}

TEST(FactoredEigen, WritesAllOutWhereThatIsAsQuickOrTheyFail) {
  std::vector<double> values;
  Matrix a = with_case({"", [](double i, double) { return 1 / (1 + i); }}, 520, values);
  const Eigenbasis factored = factored_eigen(a, 3);
  EXPECT_TRUE(factored.factors);
  EXPECT_EQ(factored.vectors.rows(), 3U);
  const Eigenbasis most = factored_eigen(a, 400);
  EXPECT_FALSE(most.factors);
  EXPECT_EQ(most.vectors.rows(), 520U);
  EXPECT_LE(test::largest_difference(most.values, factored.values), 16 * 520 * eps);
  values.clear();
  const Eigenbasis small =
      factored_eigen(with_case({"", [](double i, double) { return 1 / (1 + i); }}, 40, values), 3);
  EXPECT_FALSE(small.factors);
  EXPECT_EQ(small.vectors.rows(), 40U);

  a(7, 8) += 1e-6;  // symmetric no more: no pairs of one half are those of the other
  EXPECT_FALSE(eigen_by_factors(a, 3));
  EXPECT_THROW((void)factored_eigen(a, 3), NumericalError);
}

TEST(FactoredEigen, RefusesWhatIsNotFiniteOrNotSquare) {
  for (const double bad : {test::nan, test::infinity}) {
    Matrix a = test::identity(5);
    a(4, 2) = a(2, 4) = bad;
    EXPECT_FALSE(eigen_by_factors(a, 1));
    Matrix large = test::identity(600);
    large(3, 3) = bad;
    EXPECT_THROW((void)factored_eigen(large, 1), NumericalError);
  }
  EXPECT_FALSE(eigen_by_factors(Matrix(2, 3), 1));
  EXPECT_FALSE(eigen_by_factors(Matrix(), 0));
  EXPECT_EQ(factored_eigen(Matrix(), 0).size(), 0U);
  EXPECT_THROW((void)factored_eigen(Matrix(600, 601), 1), UsageError);
}

// Right factors but for what a test does to the coordinates before and after.
class WrongFactors final : public EigenvectorFactors {
 public:
  using Change = std::function<void(Matrix&)>;
  WrongFactors(std::shared_ptr<const EigenvectorFactors> right, Change change)
      : right_(std::move(right)), change_(std::move(change)) {}
  [[nodiscard]] Matrix coordinates(const Matrix& rows) const override {
    Matrix out = right_->coordinates(rows);
    change_(out);
    return out;
  }
  [[nodiscard]] Matrix combinations(const Matrix& coordinates) const override {
    Matrix changed = coordinates;
    change_(changed);
    return right_->combinations(changed);
  }

 private:
  std::shared_ptr<const EigenvectorFactors> right_;
  Change change_;
};

TEST(FactoredEigen, TheCheckNoticesWrongFactors) {
  std::vector<double> values;
  const Matrix a = with_case({"", [](double i, double d) { return 2 - i / d; }}, 50, values);
  const auto right = eigen_by_factors(a, 2);
  ASSERT_TRUE(right);
  const auto error_of = [&](const WrongFactors::Change& change) {
    Eigenbasis wrong = *right;
    wrong.factors = std::make_shared<WrongFactors>(right->factors, change);
    EXPECT_FALSE(linalg::passes_check(a, wrong));
    return linalg::eigen_error(a, wrong);
  };
  const auto each_row = [](Matrix& rows, const auto& change) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      change(rows.view().row(i));
    }
  };
  EXPECT_GT(
      error_of([&](Matrix& rows) { each_row(rows, [](auto row) { std::swap(row[3], row[40]); }); }).residual,
      1e6)
      << "two vectors exchanged";
  EXPECT_GT(error_of([&](Matrix& rows) { each_row(rows, [](auto row) { row[7] = row[8]; }); }).orthogonality,
            1e6)
      << "one coordinate twice";
  EXPECT_GT(
      error_of([&](Matrix& rows) { each_row(rows, [](auto row) { row[30] *= 1 + 1e-9; }); }).orthogonality,
      1e3)
      << "a vector too long";
  EXPECT_FALSE(error_of([&](Matrix& rows) {
                 each_row(rows, [](auto row) { row[0] = test::nan; });
               }).residual <= linalg::largest_eigen_error);
}

TEST(FactoredEigen, CarriesARankOneUpdate) {
  for (const double length : {1e-7, 1.0, 1e4}) {
    for (const FactoredCase& wanted : factored_cases()) {
      SCOPED_TRACE(testing::Message() << wanted.name << ", x " << length);
      std::vector<double> values;
      const Matrix a = with_case(wanted, 70, values);
      auto factored = eigen_by_factors(a, 2);
      ASSERT_TRUE(factored);
      Eigenbasis whole = linalg::symmetric_eigen(a);
      for (Eigenbasis* basis : {&*factored, &whole}) {
        for (double& value : basis->values) {
          value = std::max(value, 0.0);
        }
      }
      Random random(9);
      std::vector<double> x;
      for (std::size_t i = 0; i < 70; ++i) {
        x.push_back(length * std::sqrt(std::max(values.front(), 0.0)) * random.normal());
      }
      const auto found = linalg::rank_one_update(*factored, x);
      const auto expected = linalg::rank_one_update(whole, x);
      ASSERT_TRUE(found);
      ASSERT_TRUE(expected);
      EXPECT_LE(test::largest_difference(found->values, expected->values),
                16 * 70 * eps * expected->values.front());
    }
  }
}

}  // namespace
}  // namespace collapscope
