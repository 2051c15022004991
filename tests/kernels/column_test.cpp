// Sums and means of columns, and rows less a row of targets' means.
#include "column_op.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "beside_op.hpp"
#include "cpu/row_pass.hpp"
#include "geometry.hpp"
#include "kernels/support.hpp"

namespace collapscope {
namespace {

using test::DeviceRows;
using test::eps;
using test::LaunchShape;

struct Columns {
  std::vector<double> sums;
  std::vector<double> means;
  friend bool operator==(const Columns&, const Columns&) = default;
};

// As the launcher does it, but for the launches' shapes.
Columns columns_of(const Matrix& a, std::size_t padding, const LaunchShape& first, unsigned lanes) {
  DeviceRows rows(a, padding);
  const kernels::RowChunks chunks = kernels::row_chunks(a.rows(), a.cols());
  std::vector<double> workspace(chunks.count * a.cols(), test::nan);
  Columns result{std::vector<double>(a.cols(), test::nan), std::vector<double>(a.cols(), test::nan)};
  run_columns(kernels::ChunkSums{rows.matrix(), chunks.rows, chunks.count, workspace.data()}, first.grid,
              first.block);
  run_rows(kernels::ColumnTotals{rows.matrix(), chunks.count, workspace.data(), result.sums.data(),
                                 result.means.data()},
           {2, 1}, {lanes, 2});
  return result;
}

TEST(ColumnSums, AgreeWithTheCpuInEveryShape) {
  test::Random random(9);
  for (const std::size_t rows : {1U, 2U, 15U, 16U, 17U, 100U, 1000U}) {
    for (const std::size_t cols : {1U, 3U, 40U}) {
      Matrix a = test::random_matrix(rows, cols, random);
      for (double& value : a.values()) {
        value += 1e6;
      }
      const std::vector<double> means = cpu::column_means(a.view());
      const Columns once = columns_of(a, 0, test::column_launches()[0], 32);
      for (const LaunchShape& launch : test::column_launches()) {
        EXPECT_EQ(columns_of(a, 3, launch, 32), once);  // whatever the launch
      }
      for (const unsigned lanes : {1U, 2U, 4U, 8U, 16U, 32U}) {
        const Columns found = columns_of(a, 1, {{1, 1}, {4, 4}}, lanes);
        const double n = static_cast<double>(rows);
        for (std::size_t j = 0; j < cols; ++j) {
          EXPECT_NEAR(found.means[j], means[j], 1e6 * 2 * eps);
          EXPECT_NEAR(found.sums[j], means[j] * n, 1e6 * n * 3 * eps);
        }
      }
    }
  }
}

TEST(ColumnSums, ConstantColumnsAreExact) {
  Matrix a(777, 3);
  for (std::size_t i = 0; i < a.rows(); ++i) {
    a(i, 0) = 0.1;
    a(i, 1) = -1e300;
    a(i, 2) = 0;
  }
  const Columns found = columns_of(a, 0, {{1, 1}, {4, 4}}, 8);
  EXPECT_EQ(found.means, (std::vector<double>{0.1, -1e300, 0}));
  EXPECT_EQ(found.sums, (std::vector<double>{0.1 * 777, -1e300 * 777, 0}));
}

// Of stored rows less a shift, with the bits that the rows would have as float64.
template <std::size_t width>
void expect_stored_means(const Matrix& a, const std::vector<double>& shift, const LaunchShape& launch,
                         unsigned lanes) {
  Matrix shifted = a;
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.cols(); ++j) {
      shifted(i, j) -= shift[j];
    }
  }
  const test::StoredData data(a.values());
  const kernels::RowChunks chunks = kernels::row_chunks(a.rows(), a.cols());
  std::vector<double> workspace(chunks.count * a.cols(), test::nan);
  std::vector<double> means(a.cols(), test::nan);
  run_columns(kernels::StoredChunkSums<width>{data.numbers(), a.rows(), a.cols(), shift.data(), chunks.rows,
                                              chunks.count, workspace.data()},
              launch.grid, launch.block);
  run_rows(kernels::StoredMeans{data.numbers(), a.rows(), a.cols(), shift.data(), chunks.count,
                                workspace.data(), means.data()},
           {2, 1}, {lanes, 2});
  EXPECT_EQ(means, columns_of(shifted, 0, launch, lanes).means);
}

TEST(ColumnSums, OfStoredRowsAreThoseOfTheRows) {
  test::Random random(12);
  for (const std::size_t rows : {1U, 7U, 16U, 17U, 100U}) {
    for (const std::size_t cols : {1U, 4U, 40U}) {
      const Matrix a = test::random_matrix(rows, cols, random);
      const Matrix shift = test::random_matrix(1, cols, random);
      const std::vector<double> less(shift.values().begin(), shift.values().end());
      for (const LaunchShape& launch : test::column_launches()) {
        expect_stored_means<1>(a, less, launch, 8);
        if (cols % 2 == 0) {
          expect_stored_means<2>(a, less, launch, 8);
        }
      }
    }
  }
}

TEST(ColumnSums, EitherResultMayBeLeftOut) {
  Matrix a(5, 2);
  a(4, 1) = 5;
  DeviceRows rows(a, 0);
  std::vector<double> workspace(2, 0.0);
  std::vector<double> found(2, test::nan);
  run_columns(kernels::ChunkSums{rows.matrix(), 5, 1, workspace.data()}, {1, 1}, {1, 1});
  run_rows(kernels::ColumnTotals{rows.matrix(), 1, workspace.data(), found.data(), nullptr}, {1, 1}, {1, 1});
  EXPECT_EQ(found, (std::vector<double>{0, 5}));
  run_rows(kernels::ColumnTotals{rows.matrix(), 1, workspace.data(), nullptr, found.data()}, {1, 1}, {1, 1});
  EXPECT_EQ(found, (std::vector<double>{0, 1}));
}

TEST(BesideRows, TargetsAndWhatProductsWant) {
  test::Random random(10);
  for (const std::size_t n : {0U, 1U, 3U, 40U}) {
    const Matrix y = test::random_matrix(6, n, random);
    const Matrix shift = test::random_matrix(1, n, random);
    const Matrix columns = test::random_matrix(3, y.rows(), random);
    const kernels::RowStats stats{.norm = const_cast<double*>(columns.view().row(0).data()),
                                  .is_zero = const_cast<double*>(columns.view().row(1).data()),
                                  .shifted_square = const_cast<double*>(columns.view().row(2).data())};
    for (const LaunchShape& launch : test::row_launches()) {
      DeviceRows out(y.rows(), n + 5, 2);
      run_rows(kernels::BesideRows{y.data(), n, shift.data(), stats, out.matrix()}, launch.grid,
               launch.block);
      EXPECT_TRUE(out.padding_untouched());
      for (std::size_t i = 0; i < y.rows(); ++i) {
        double square = 0;
        for (std::size_t j = 0; j < n; ++j) {
          EXPECT_EQ(out.row(i)[j], y(i, j) - shift(0, j));
          square += out.row(i)[j] * out.row(i)[j];
        }
        EXPECT_EQ(out.row(i)[n], columns(2, i));
        EXPECT_NEAR(out.row(i)[n + 1], square, static_cast<double>(n) * eps * square);
        EXPECT_EQ(out.row(i)[n + 2], 1);
        EXPECT_EQ(out.row(i)[n + 3], columns(0, i));
        EXPECT_EQ(out.row(i)[n + 4], columns(1, i));
      }
    }
  }
}

}  // namespace
}  // namespace collapscope
