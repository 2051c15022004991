// Rows that are the same but for rounding get the same bits, others keep theirs.
#include "metrics/equal_rows.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <random>
#include <vector>

namespace collapscope {
namespace {

Matrix random_matrix(std::size_t rows, std::size_t cols) {
  std::mt19937_64 engine(3);
  std::normal_distribution<double> normal;
  Matrix out(rows, cols);
  for (double& value : out.values()) {
    value = normal(engine);
  }
  return out;
}

std::vector<double> row_of(const Matrix& rows, std::size_t i) {
  const auto row = rows.view().row(i);
  return {row.begin(), row.end()};
}

TEST(EqualRows, AreUnitedWhereverTheyStand) {
  Matrix rows = random_matrix(400, 5);
  const Matrix before = rows;
  const std::vector<std::size_t> copies{3, 17, 230, 399};
  for (std::size_t n = 0; n < copies.size(); ++n) {
    for (std::size_t j = 0; j < rows.cols(); ++j) {
      rows(copies[n], j) = before(3, j) * (1 + static_cast<double>(n) * 1e-16 * (j % 2 == 0 ? 1 : -1));
    }
  }
  unite_equal_rows(rows, std::vector<double>(rows.rows(), 1e-14));
  for (const std::size_t i : copies) {
    EXPECT_EQ(row_of(rows, i), row_of(rows, 3));
  }
  for (const std::size_t i : {0, 4, 100, 229, 398}) {
    EXPECT_EQ(row_of(rows, i), row_of(before, i));
  }
}

TEST(EqualRows, FurtherApartThanRoundingStayApart) {
  Matrix rows = random_matrix(2, 5);
  for (std::size_t j = 0; j < rows.cols(); ++j) {
    rows(1, j) = rows(0, j);
  }
  rows(1, 2) += 3e-14;
  const Matrix before = rows;
  unite_equal_rows(rows, {1e-14, 1e-14});
  EXPECT_EQ(rows, before);
  unite_equal_rows(rows, {1e-14, 2.1e-14});  // the roundings of both count
  EXPECT_EQ(row_of(rows, 0), row_of(rows, 1));
}

// Sums along one direction agree, rows do not.
TEST(EqualRows, AreComparedThemselves) {
  Matrix rows(3, 2);
  rows(0, 0) = 1;
  rows(1, 1) = 1;
  rows(2, 0) = 1;
  const Matrix before = rows;
  unite_equal_rows(rows, {0.4, 0.4, 0.4});
  EXPECT_EQ(rows, before);
}

}  // namespace
}  // namespace collapscope
