// Element-wise arithmetic, bit for bit.
#include "vector_op.hpp"

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

TEST(Vectors, Scale) {
  for (const std::size_t size : {0U, 1U, 31U, 1000U}) {
    const std::vector<double> a = random_vector(size, 1);
    for (const LaunchShape& launch : test::item_launches()) {
      std::vector<double> product(size, test::nan);
      run_items(kernels::Scale{product.data(), a.data(), -3.5, size}, launch.grid, launch.block);
      for (std::size_t i = 0; i < size; ++i) {
        EXPECT_EQ(product[i], a[i] * -3.5);
      }
    }
  }
}

TEST(Vectors, SumOfSlices) {
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

TEST(Matrices, SubtractScaleAndNarrowRows) {
  test::Random random(3);
  for (const std::size_t rows : {1U, 3U, 4U, 5U, 9U}) {
    for (const std::size_t cols : {1U, 4U, 33U}) {
      const Matrix a = test::random_matrix(rows, cols, random);
      const std::vector<double> shift = random_vector(cols, 4);
      const std::vector<double> factors = random_vector(rows, 5);
      for (const LaunchShape& launch : test::column_launches()) {
        DeviceRows less(a, 3);
        const auto m = less.matrix();
        run_columns(
            kernels::Elementwise<kernels::Subtract>{
                m.data, m.stride, m.data, m.stride, rows, cols, {shift.data()}},
            launch.grid, launch.block);
        Matrix scaled(rows, cols);
        run_columns(
            kernels::Elementwise<kernels::ScaleRow>{
                a.data(), cols, scaled.data(), cols, rows, cols, {factors.data()}},
            launch.grid, launch.block);
        std::vector<float> narrow(rows * (cols + 1), -1.0F);
        run_columns(
            kernels::Elementwise<kernels::Narrow>{a.data(), cols, narrow.data(), cols + 1, rows, cols, {}},
            launch.grid, launch.block);
        EXPECT_TRUE(less.padding_untouched());
        for (std::size_t i = 0; i < rows; ++i) {
          for (std::size_t j = 0; j < cols; ++j) {
            EXPECT_EQ(less.row(i)[j], a(i, j) - shift[j]);
            EXPECT_EQ(scaled(i, j), factors[i] * a(i, j));
            EXPECT_EQ(narrow[i * (cols + 1) + j], static_cast<float>(a(i, j)));
          }
          EXPECT_EQ(narrow[i * (cols + 1) + cols], -1.0F);
        }
      }
    }
  }
}

}  // namespace
}  // namespace collapscope
