// What the second look sums per row, against the formulas of the CPU's fold.
#include "residual_op.hpp"

#include <gtest/gtest.h>

#include "cpu/row_pass.hpp"
#include "kernels/support.hpp"

namespace collapscope {
namespace {

using test::DeviceRows;
using test::eps;
using test::LaunchShape;

template <std::size_t width>
void expect_outside(const Matrix& x, const Matrix* within, const std::vector<double>& mean, bool has_mean,
                    const LaunchShape& launch) {
  Matrix rest = x;
  for (std::size_t i = 0; within != nullptr && i < x.values().size(); ++i) {
    rest.values()[i] -= within->values()[i];
  }
  // Row 1 is a zero row, row 2 lies at the mean.
  std::vector<double> norms;
  std::vector<double> centred_norms;
  for (std::size_t i = 0; i < rest.rows(); ++i) {
    norms.push_back(i == 1 ? 0 : 1.5 + static_cast<double>(i));
    centred_norms.push_back(i == 2 ? 0 : 0.25);
  }
  DeviceRows rows(x, width);
  DeviceRows inside(within == nullptr ? Matrix() : *within, width);
  std::vector<double> out(rest.rows() * 5, -1);
  run_rows(kernels::OutsideRows<width>{rows.matrix(), within == nullptr ? nullptr : inside.matrix().data,
                                       has_mean ? mean.data() : nullptr,
                                       kernels::RowNorms{norms.data(), centred_norms.data()}, out.data(), 5},
           launch.grid, launch.block);
  const double tolerance = static_cast<double>(rest.cols() + 2) * eps;
  for (std::size_t i = 0; i < rest.rows(); ++i) {
    std::vector<double> row(rest.view().row(i).begin(), rest.view().row(i).end());
    const double centred = test::squared_norm(row);
    for (std::size_t j = 0; has_mean && j < row.size(); ++j) {
      row[j] += mean[j];
    }
    const double plain = test::squared_norm(row);
    const double of_plain = norms[i] > 0 ? plain / norms[i] / norms[i] : 0;
    const double of_centred = centred_norms[i] > 0 ? centred / centred_norms[i] / centred_norms[i] : 0;
    EXPECT_NEAR(out[5 * i], plain, tolerance * plain);
    EXPECT_NEAR(out[5 * i + 1], of_plain, tolerance * of_plain);
    EXPECT_NEAR(out[5 * i + 2], centred, tolerance * centred);
    EXPECT_NEAR(out[5 * i + 3], of_centred, tolerance * of_centred);
    EXPECT_EQ(out[5 * i + 4], -1);
  }
}

TEST(OutsideRows, FourLengthsOfEveryRow) {
  test::Random random(11);
  for (const std::size_t cols : {1U, 2U, 9U, 130U, 300U}) {
    const Matrix x = test::random_matrix(5, cols, random);
    const Matrix within = test::random_matrix(5, cols, random);
    const Matrix mean = test::random_matrix(1, cols, random);
    const std::vector<double> mean_outside(mean.values().begin(), mean.values().end());
    for (const bool has_mean : {true, false}) {
      for (const LaunchShape& launch : test::row_launches()) {
        expect_outside<1>(x, &within, mean_outside, has_mean, launch);
        expect_outside<1>(x, nullptr, mean_outside, has_mean, launch);
        if (cols % 2 == 0) {
          expect_outside<2>(x, &within, mean_outside, has_mean, launch);
          expect_outside<2>(x, nullptr, mean_outside, has_mean, launch);
        }
      }
    }
  }
}

TEST(OutsideRows, NormsWhoseSquaresLeaveTheRange) {
  const std::vector<double> values{3e-170, 4e-170, 3e150, 4e150};
  const std::vector<double> norms{1e-170, 1e170};  // centred as well
  Matrix rest(2, 2);
  std::copy(values.begin(), values.end(), rest.values().begin());
  DeviceRows rows(rest, 0);
  std::vector<double> out(8, -1);
  run_rows(
      kernels::OutsideRows<2>{rows.matrix(), nullptr, nullptr, {norms.data(), norms.data()}, out.data(), 4},
      {1, 1}, {2, 2});
  EXPECT_EQ(out[1], 0);  // as the CPU: the squares are lost, but nothing becomes NaN
  EXPECT_NEAR(out[5], 25e-40, 25e-40 * 8 * eps);
}

TEST(MapErrors, AgainstPlainLoops) {
  test::Random random(12);
  for (const std::size_t n : {1U, 3U, 40U}) {
    const Matrix predicted = test::random_matrix(6, n, random);
    const Matrix y = test::random_matrix(6, n, random);
    const Matrix mean = test::random_matrix(1, n, random);
    const Matrix offset = test::random_matrix(1, n, random);
    for (const LaunchShape& launch : test::row_launches()) {
      for (const bool about_mean : {true, false}) {
        DeviceRows rows(predicted, 2);
        std::vector<double> out(6 * 3, -1);
        run_rows(
            kernels::MapErrors{
                rows.matrix(), offset.data(), about_mean, {}, y.data(), mean.data(), out.data() + 2, 3},
            launch.grid, launch.block);
        for (std::size_t i = 0; i < 6; ++i) {
          double square = 0;
          for (std::size_t j = 0; j < n; ++j) {
            const double error = y(i, j) - mean(0, j) - predicted(i, j) - (about_mean ? 0 : offset(0, j));
            square += error * error;
          }
          EXPECT_NEAR(out[3 * i + 2], square, static_cast<double>(n + 2) * eps * square);
          EXPECT_EQ(out[3 * i], -1);
          EXPECT_EQ(out[3 * i + 1], -1);
        }
      }
    }
  }
}

TEST(MarkAtMost, TheLimitIsIn) {
  const std::vector<double> norms{0, 2, 2.0000001, test::nan};
  for (const LaunchShape& launch : test::item_launches()) {
    std::vector<double> out(12, -1);
    run_items(kernels::MarkAtMost{norms.data(), 4, 2.0, out.data(), 3}, launch.grid, launch.block);
    EXPECT_EQ(out, (std::vector<double>{1, -1, -1, 1, -1, -1, 0, -1, -1, 0, -1, -1}));
  }
}

}  // namespace
}  // namespace collapscope
