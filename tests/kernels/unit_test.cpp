// Rows divided by their norms.
#include "unit_op.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "cpu/row_pass.hpp"
#include "kernels/support.hpp"

namespace collapscope {
namespace {

using test::DeviceRows;
using test::LaunchShape;
using test::StoredData;

constexpr double least = std::numeric_limits<double>::denorm_min();

template <std::size_t width>
void expect_divided(const StoredData& data, std::size_t cols, const std::vector<double>& norms,
                    const LaunchShape& launch) {
  const std::vector<double> decoded = data.decoded();
  DeviceRows out(norms.size(), cols, width);
  run_columns(kernels::UnitRows<width>{data.numbers(), norms.data(), out.matrix()}, launch.grid,
              launch.block);
  EXPECT_TRUE(out.padding_untouched());
  for (std::size_t i = 0; i < norms.size(); ++i) {
    for (std::size_t j = 0; j < cols; ++j) {
      const double expected = norms[i] == 0 ? 0 : decoded[i * cols + j] / norms[i];
      ASSERT_NEAR(out.row(i)[j], expected, 2 * test::eps * std::abs(expected) + least);
    }
  }
}

TEST(UnitRows, EveryTypeAndLaunch) {
  test::Random random(3);
  for (const ElementType type : test::all_element_types()) {
    for (const std::size_t cols : {1U, 2U, 7U, 66U, 129U}) {
      for (const std::size_t rows : {1U, 4U, 5U, 9U}) {
        for (const std::size_t offset : {0U, 1U}) {
          const StoredData data(type, rows * cols, offset, random);
          const std::vector<double> decoded = data.decoded();
          std::vector<double> norms;
          for (std::size_t i = 0; i < rows; ++i) {
            norms.push_back(cpu::norm(std::span(decoded).subspan(i * cols, cols)));
          }
          SCOPED_TRACE(testing::Message() << type.name() << ", " << rows << " x " << cols);
          for (const LaunchShape& launch : test::column_launches()) {
            expect_divided<1>(data, cols, norms, launch);
            if (cols % 2 == 0 && offset == 0) {
              expect_divided<2>(data, cols, norms, launch);
            }
          }
        }
      }
    }
  }
}

TEST(UnitRows, ZeroRowsStayAndTinyRowsGrow) {
  constexpr double most = std::numeric_limits<double>::max();
  const std::vector<double> values{0, -0.0, 3 * least, 4 * least, 3e300, 4e300, 0, most};
  const std::vector<double> norms{0, 5 * least, 5e300, most};
  DeviceRows out(4, 2, 0);
  const StoredData data(values);
  run_columns(kernels::UnitRows<2>{data.numbers(), norms.data(), out.matrix()}, {1, 1}, {1, 1});
  EXPECT_EQ(out.row(0)[0], 0);
  EXPECT_EQ(out.row(0)[1], 0);
  EXPECT_EQ(out.row(1)[0], 3.0 / 5.0);
  EXPECT_EQ(out.row(1)[1], 4.0 / 5.0);
  EXPECT_DOUBLE_EQ(out.row(2)[0], 0.6);
  EXPECT_DOUBLE_EQ(out.row(2)[1], 0.8);
  EXPECT_EQ(out.row(3)[1], 1);
}

// Their norms, rounded to a whole number of the least, say little.
TEST(UnitRows, SubnormalRowsHaveTheirDirection) {
  const std::vector<double> values{least, least, least, 0, -2 * least, 0, least, 1e-310, 1e-311};
  const std::vector<double> norms{2 * least, 2 * least, 1.005e-310};
  for (const LaunchShape& launch : test::column_launches()) {
    DeviceRows out(3, 3, 1);
    const StoredData data(values);
    run_columns(kernels::UnitRows<1>{data.numbers(), norms.data(), out.matrix()}, launch.grid, launch.block);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(test::squared_norm(out.row(i)), 1, 8 * test::eps);
    }
    EXPECT_DOUBLE_EQ(out.row(0)[0], 1 / std::sqrt(3.0));
    EXPECT_DOUBLE_EQ(out.row(1)[1], -1);
  }
}

}  // namespace
}  // namespace collapscope
