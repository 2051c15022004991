// Rows times factors, numbers divided, and a shifted diagonal.
#include "eigen_op.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/support.hpp"

namespace collapscope {
namespace {

using test::LaunchShape;

TEST(EigenOps, EveryLaunch) {
  constexpr std::size_t n = 5;
  constexpr std::size_t stride = 7;
  test::Random random(4);
  const Matrix numbers = test::random_matrix(n, stride, random);
  const std::vector<double> factor{1, 2, 0, -4, 0.5};
  for (const LaunchShape& launch : test::item_launches()) {
    Matrix scaled = numbers;
    run_columns(kernels::ScaleRows{{scaled.data(), n, n, stride}, factor.data()}, launch.grid, launch.block);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < stride; ++j) {
        EXPECT_EQ(scaled(i, j), j < n ? factor[i] * numbers(i, j) : numbers(i, j)) << i << " " << j;
      }
    }
    Matrix divided = numbers;  // but for the last two
    run_items(kernels::DivideTwice{numbers.data(), divided.data(), n * stride - 2, 3, 0x1p-7}, launch.grid,
              launch.block);
    for (std::size_t i = 0; i < n * stride; ++i) {
      const double number = numbers.values()[i];
      EXPECT_EQ(divided.values()[i], i < n * stride - 2 ? number / 3 / 0x1p-7 : number) << i;
    }
    Matrix square(n, n);
    run_items(kernels::ShiftDiagonal{square.data(), n, 3}, launch.grid, launch.block);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        EXPECT_EQ(square(i, j), i == j ? 3 : 0);
      }
    }
  }
}

}  // namespace
}  // namespace collapscope
