// Shifted rows and sums of slices, bit for bit.
#include "shift_op.hpp"

#include <gtest/gtest.h>

#include "kernels/support.hpp"
#include "slice_op.hpp"

namespace collapscope {
namespace {

using test::DeviceRows;
using test::LaunchShape;

std::vector<double> random_vector(std::size_t size, std::uint64_t seed) {
  test::Random random(seed);
  std::vector<double> values;
  for (std::size_t i = 0; i < size; ++i) {
    values.push_back(random.normal());
  }
  return values;
}

TEST(SumSlices, EverySizeAndLaunch) {
  for (const std::size_t size : {1U, 31U, 300U}) {
    for (const std::size_t slices : {0U, 1U, 5U}) {
      const std::vector<double> from = random_vector(slices * size, 2);
      const std::vector<double> before = random_vector(size, 3);
      for (const LaunchShape& launch : test::item_launches()) {
        for (const bool adds : {true, false}) {
          std::vector<double> to = before;
          run_items(kernels::SumSlices{to.data(), from.data(), slices, size, adds}, launch.grid,
                    launch.block);
          for (std::size_t i = 0; i < size; ++i) {
            double sum = 0;
            for (std::size_t s = 0; s < slices; ++s) {
              sum += from[s * size + i];
            }
            EXPECT_EQ(to[i], adds ? before[i] + sum : sum);
          }
        }
      }
    }
  }
}

TEST(SubtractRow, EverySizeAndLaunch) {
  test::Random random(3);
  for (const std::size_t rows : {1U, 3U, 4U, 5U, 9U}) {
    for (const std::size_t cols : {1U, 4U, 33U}) {
      const Matrix a = test::random_matrix(rows, cols, random);
      const std::vector<double> shift = random_vector(cols, 4);
      for (const LaunchShape& launch : test::column_launches()) {
        DeviceRows less(a, 3);
        run_columns(kernels::SubtractRow{less.matrix(), shift.data()}, launch.grid, launch.block);
        EXPECT_TRUE(less.padding_untouched());
        for (std::size_t i = 0; i < rows; ++i) {
          for (std::size_t j = 0; j < cols; ++j) {
            EXPECT_EQ(less.row(i)[j], a(i, j) - shift[j]);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace collapscope
