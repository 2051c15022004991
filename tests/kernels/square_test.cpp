// Passes over square matrices: the mirrored triangle and the largest difference.
#include "square_op.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/support.hpp"

namespace collapscope {
namespace {

using test::LaunchShape;

TEST(MirrorLower, EverySizeAndLaunch) {
  test::Random random(1);
  for (const std::size_t n : {0U, 1U, 2U, 3U, 4U, 5U, 8U, 11U, 33U}) {
    const Matrix a = test::random_matrix(n, n, random);
    for (const LaunchShape& launch : test::item_launches()) {
      Matrix mirrored = a;
      run_items(kernels::MirrorLower{mirrored.data(), n}, launch.grid, launch.block);
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
          EXPECT_EQ(mirrored(i, j), i >= j ? a(i, j) : a(j, i)) << n << ": " << i << " " << j;
        }
      }
    }
  }
}

double largest_difference(const Matrix& a, const Matrix* b, const LaunchShape& launch) {
  const std::size_t n = a.rows();
  std::vector<double> workspace(n, test::nan);
  double largest = test::nan;
  run_rows(kernels::RowDifference{a.data(), b == nullptr ? nullptr : b->data(), n, workspace.data()},
           launch.grid, launch.block);
  run_rows(kernels::LargestOf{workspace.data(), n, &largest}, {1, 1}, launch.block);
  return largest;
}

TEST(LargestDifference, WhereverItIs) {
  test::Random random(2);
  for (const std::size_t n : {1U, 2U, 7U, 20U}) {
    const Matrix a = test::random_matrix(n, n, random);
    for (const LaunchShape& launch : test::row_launches()) {
      EXPECT_EQ(largest_difference(a, &a, launch), 0);
      for (std::size_t i = 0; i < n * n; i += 3) {
        Matrix b = a;
        b.values()[i] -= 0.5;
        EXPECT_EQ(largest_difference(a, &b, launch), a.values()[i] - b.values()[i]);
        for (const double value : {test::nan, test::infinity, -test::infinity}) {
          b.values()[i] = value;
          EXPECT_EQ(largest_difference(a, &b, launch), test::infinity);
          EXPECT_EQ(largest_difference(b, nullptr, launch), test::infinity);
        }
      }
    }
  }
}

TEST(LargestDifference, FromTheIdentity) {
  constexpr std::size_t n = 37;
  Matrix a(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    a(i, i) = 1;
  }
  for (const LaunchShape& launch : test::row_launches()) {
    EXPECT_EQ(largest_difference(a, nullptr, launch), 0);
    Matrix b = a;
    b(n - 1, 0) = -0.25;
    EXPECT_EQ(largest_difference(b, nullptr, launch), 0.25);
    b(3, 3) = 0;
    EXPECT_EQ(largest_difference(b, nullptr, launch), 1);
  }
}

}  // namespace
}  // namespace collapscope
