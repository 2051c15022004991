// What float32 products need: rows rounded to floats, squares of columns, the scale, sums of float slices.
#include "narrow_op.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "geometry.hpp"
#include "kernels/support.hpp"

namespace collapscope {
namespace {

using test::DeviceRows;
using test::eps;
using test::LaunchShape;

TEST(NarrowRows, EverySizeAndLaunch) {
  test::Random random(5);
  const double scale = 0.25;
  for (const std::size_t rows : {1U, 3U, 4U, 5U, 9U}) {
    for (const std::size_t cols : {1U, 4U, 33U}) {
      const Matrix a = test::random_matrix(rows, cols, random);
      DeviceRows from(a, 2);
      for (const LaunchShape& launch : test::column_launches()) {
        for (const double* factor : {static_cast<const double*>(nullptr), &scale}) {
          const std::size_t stride = cols + 3;
          std::vector<float> to(rows * stride, -7.0F);
          run_columns(kernels::NarrowRows{from.matrix(), {to.data(), rows, cols, stride}, factor},
                      launch.grid, launch.block);
          for (std::size_t i = 0; i < rows; ++i) {
            for (std::size_t j = 0; j < stride; ++j) {
              const double value = j < cols ? a(i, j) * (factor == nullptr ? 1 : scale) : -7;
              ASSERT_EQ(to[i * stride + j], static_cast<float>(value));
            }
          }
        }
      }
    }
  }
}

TEST(ColumnSquares, AgreeWithPlainSumsInEveryShape) {
  test::Random random(6);
  for (const std::size_t rows : {1U, 2U, 17U, 1000U}) {
    for (const std::size_t cols : {1U, 3U, 40U}) {
      const Matrix a = test::random_matrix(rows, cols, random);
      DeviceRows from(a, 1);
      const kernels::RowChunks chunks = kernels::row_chunks(rows, cols);
      for (const LaunchShape& launch : test::column_launches()) {
        for (const unsigned lanes : {1U, 8U, 32U}) {
          std::vector<double> workspace(chunks.count * cols, test::nan);
          std::vector<double> squares(cols, test::nan);
          run_columns(kernels::ChunkSquares{from.matrix(), chunks.rows, chunks.count, workspace.data()},
                      launch.grid, launch.block);
          run_rows(kernels::SquareTotals{cols, chunks.count, workspace.data(), squares.data()}, {2, 1},
                   {lanes, 2});
          for (std::size_t j = 0; j < cols; ++j) {
            double sum = 0;
            for (std::size_t i = 0; i < rows; ++i) {
              sum += a(i, j) * a(i, j);
            }
            ASSERT_NEAR(squares[j], sum, static_cast<double>(rows) * eps * sum);
          }
        }
      }
    }
  }
}

double scale_of(std::vector<double> squares, std::size_t rows) {
  double scale = test::nan;
  for (const unsigned lanes : {1U, 4U, 32U}) {
    double found = test::nan;
    run_rows(kernels::ChooseScale{squares.data(), squares.size(), rows, &found}, {1, 1}, {lanes, 1});
    EXPECT_TRUE(std::isnan(scale) || scale == found) << lanes << " lanes";
    scale = found;
  }
  return scale;
}

TEST(ChooseScale, TakesTheLargestColumnNearOne) {
  EXPECT_EQ(scale_of({4, 400, 40}, 100), 0.5);  // rms 2
  EXPECT_EQ(scale_of({4, 399, 40}, 100), 1);
  EXPECT_EQ(scale_of({0, 1e-60}, 1), std::ldexp(1.0, 100));
  EXPECT_EQ(scale_of({1e200}, 1), std::ldexp(1.0, -332));
  EXPECT_EQ(scale_of({0, 0, 0}, 7), 1);
  EXPECT_EQ(scale_of({test::infinity}, 7), 1);
  EXPECT_EQ(scale_of({test::nan, 16}, 1), 0.25);
}

TEST(SumFloatSlices, EverySizeAndLaunch) {
  test::Random random(7);
  const double scale = 4;
  for (const std::size_t size : {1U, 31U, 300U}) {
    for (const std::size_t slices : {1U, 5U}) {
      std::vector<float> from(slices * size);
      for (float& value : from) {
        value = static_cast<float>(random.normal());
      }
      for (const LaunchShape& launch : test::item_launches()) {
        for (const bool adds : {true, false}) {
          std::vector<double> to(size, 3.0);
          run_items(kernels::SumFloatSlices{to.data(), from.data(), slices, size, &scale, adds}, launch.grid,
                    launch.block);
          for (std::size_t i = 0; i < size; ++i) {
            double sum = 0;
            for (std::size_t s = 0; s < slices; ++s) {
              sum += from[s * size + i];
            }
            ASSERT_EQ(to[i], (adds ? 3.0 : 0.0) + sum / 16);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace collapscope
