// Rows that get their own scale on a device, against what the CPU does.
#include "own_scale_op.hpp"

#include <gtest/gtest.h>

#include "cpu/row_pass.hpp"
#include "cpu/small_rows.hpp"
#include "kernels/support.hpp"
#include "residual_op.hpp"

namespace collapscope {
namespace {

using test::DeviceRows;
using test::eps;
using test::LaunchShape;
using test::StoredData;

constexpr double subnormal = std::numeric_limits<double>::denorm_min();

TEST(OwnScaleRows, SmallRowsAndNoOthers) {
  for (const std::size_t cols : {1U, 2U, 5U, 70U}) {
    const std::vector<double> row_sizes{1.0, 1e-3, 0.0, 1e-150, 3e-310, subnormal};
    Matrix stored(row_sizes.size(), cols);
    for (std::size_t i = 0; i < row_sizes.size(); ++i) {
      for (std::size_t j = 0; j < cols; ++j) {
        stored(i, j) = row_sizes[i] * static_cast<double>(1 + (i + j) % 4);
      }
    }
    const StoredData data(stored.values());
    for (const LaunchShape& launch : test::row_launches()) {
      DeviceRows rows(Matrix(row_sizes.size(), cols), 1);
      std::vector<double> norms;
      for (std::size_t i = 0; i < row_sizes.size(); ++i) {
        norms.push_back(cpu::norm(stored.view().row(i)));
      }
      const std::vector<double> before = norms;
      const std::vector<double> centred_norms(row_sizes.size(), 1.0);
      std::vector<double> unscales(row_sizes.size(), -1.0);
      run_rows(kernels::OwnScaleRows{data.numbers(), rows.matrix(), norms.data(), centred_norms.data(),
                                     unscales.data()},
               launch.grid, launch.block);
      EXPECT_TRUE(rows.padding_untouched());
      for (std::size_t i = 0; i < row_sizes.size(); ++i) {
        const bool own = i != 0 && i != 2;
        std::vector<double> expected(stored.view().row(i).begin(), stored.view().row(i).end());
        const double unscale = own ? cpu::take_own_scale(expected, before[i]) : 0;
        EXPECT_EQ(unscales[i], unscale);
        if (own) {
          EXPECT_EQ(std::vector<double>(rows.row(i).begin(), rows.row(i).end()), expected);
          EXPECT_NEAR(norms[i], cpu::norm(expected), static_cast<double>(cols) * eps * norms[i]);
        } else {
          EXPECT_EQ(norms[i], before[i]);
          EXPECT_EQ(rows.row(i)[0], 0);
        }
      }
    }
  }
}

// Row 1 of two is h = (1.5, 1) * 2^-9 with its own scale; the mean's part outside is (3, 4).
TEST(OwnScaleRows, TheirResidualsAreTheirOwn) {
  Matrix rest(2, 2);
  rest(0, 0) = rest(0, 1) = 1;
  rest(1, 0) = 1.5;
  rest(1, 1) = 1;
  const std::vector<double> mean{3, 4};
  const std::vector<double> norms{10, 2};
  const std::vector<double> centred_norms{2, 5};
  const std::vector<double> unscales{0, 0x1p-9};
  for (const LaunchShape& launch : test::row_launches()) {
    DeviceRows rows(rest, 0);
    std::vector<double> out(8, -1);
    run_rows(kernels::OutsideRows<2>{rows.matrix(),
                                     nullptr,
                                     mean.data(),
                                     {norms.data(), centred_norms.data(), unscales.data()},
                                     out.data(),
                                     4},
             launch.grid, launch.block);
    const double centred = (3 - 1.5 * 0x1p-9) * (3 - 1.5 * 0x1p-9) + (4 - 0x1p-9) * (4 - 0x1p-9);
    EXPECT_EQ(out[0], 16.0 + 25.0);
    EXPECT_EQ(out[2], 2.0);
    EXPECT_EQ(out[4], 3.25 * 0x1p-18);
    EXPECT_DOUBLE_EQ(out[5], 3.25 / 4);
    EXPECT_DOUBLE_EQ(out[6], centred);
    EXPECT_DOUBLE_EQ(out[7], centred / 25);
  }
}

// One map of the same rows: 2 of row 0, centred; 6 of row 1 as scaled; 7 of the mean.
TEST(OwnScaleRows, TheirErrorsOfMapsAreTheirOwn) {
  Matrix mapped(2, 1);
  mapped(0, 0) = 2;
  mapped(1, 0) = 6;
  const std::vector<double> norms{10, 2};
  const std::vector<double> centred_norms{2, 5};
  const std::vector<double> unscales{0, 0.5};
  const double of_mean = 7;
  const std::vector<double> y{20, 30};
  const double target_mean = 10;
  for (const bool about_mean : {false, true}) {
    DeviceRows rows(mapped, 1);
    std::vector<double> out(2, -1);
    run_rows(kernels::MapErrors{rows.matrix(),
                                &of_mean,
                                about_mean,
                                {norms.data(), centred_norms.data(), unscales.data()},
                                y.data(),
                                &target_mean,
                                out.data(),
                                1},
             {1, 1}, {1, 2});
    EXPECT_EQ(out[0], about_mean ? 8.0 * 8.0 : 1.0);
    EXPECT_EQ(out[1], about_mean ? (20.0 + 4) * (20 + 4) : 17.0 * 17.0);
  }
}

}  // namespace
}  // namespace collapscope
