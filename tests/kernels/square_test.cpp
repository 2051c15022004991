// The mirrored triangle.
#include "square_op.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace collapscope
