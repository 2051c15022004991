// Rows as stored to float64: every type, order, alignment and launch, the norms of ugly rows, and where a NaN
// is reported.
#include "convert_op.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "cpu/row_pass.hpp"
#include "kernels/support.hpp"

namespace collapscope {
namespace {

using kernels::ConvertRows;
using kernels::FiniteCheck;
using test::DeviceRows;
using test::eps;
using test::LaunchShape;
using test::StoredData;

// The four columns of statistics of some rows.
struct Stats {
  explicit Stats(std::size_t rows)
      : norm(rows, test::nan), is_zero(norm), shifted_norm(norm), shifted_square(norm) {}
  kernels::RowStats pointers() {
    return {norm.data(), is_zero.data(), shifted_norm.data(), shifted_square.data()};
  }

  std::vector<double> norm;
  std::vector<double> is_zero;
  std::vector<double> shifted_norm;
  std::vector<double> shifted_square;
};

struct Converted {
  DeviceRows rows;
  Stats stats;
  std::uint64_t first = test::no_sample;
};

template <std::size_t width>
Converted convert(const StoredData& data, std::size_t rows, std::size_t cols, const double* shift,
                  const LaunchShape& launch) {
  Converted result{DeviceRows(rows, cols, width), Stats(rows)};
  const ConvertRows<width> op{data.numbers(), shift, result.rows.matrix(), result.stats.pointers(),
                              FiniteCheck{&result.first, 100, 0, 1}};
  run_rows(op, launch.grid, launch.block);
  return result;
}

// The kernels' results against the same arithmetic by plain loops.
void expect_as_cpu(const Converted& found, const std::vector<double>& decoded, const double* shift,
                   std::size_t cols) {
  const double tolerance = static_cast<double>(cols + 4) * eps;
  EXPECT_EQ(found.first, test::no_sample);
  EXPECT_TRUE(found.rows.padding_untouched());
  for (std::size_t i = 0; i < found.stats.norm.size(); ++i) {
    const std::span row(decoded.data() + i * cols, cols);
    std::vector<double> shifted(row.begin(), row.end());
    for (std::size_t j = 0; j < cols; ++j) {
      shifted[j] -= shift == nullptr ? 0 : shift[j];
    }
    ASSERT_TRUE(std::equal(shifted.begin(), shifted.end(), found.rows.row(i).begin())) << "row " << i;
    const double norm = cpu::norm(row);
    const double shifted_norm = cpu::norm(shifted);
    EXPECT_NEAR(found.stats.norm[i], norm, tolerance * norm);
    EXPECT_EQ(found.stats.is_zero[i], norm == 0 ? 1 : 0);
    EXPECT_NEAR(found.stats.shifted_norm[i], shifted_norm, tolerance * shifted_norm);
    const double square = test::squared_norm(shifted);
    if (std::isfinite(square)) {
      EXPECT_NEAR(found.stats.shifted_square[i], square, tolerance * square);
    } else {
      EXPECT_EQ(found.stats.shifted_square[i], test::infinity);
    }
  }
}

TEST(ConvertRows, EveryTypeAndLaunch) {
  constexpr std::size_t rows = 5;
  test::Random random(1);
  for (const ElementType type : test::all_element_types()) {
    for (const std::size_t cols : {1U, 2U, 7U, 8U, 31U, 66U, 129U, 270U}) {
      const Matrix shift = test::random_matrix(1, cols, random);
      for (const std::size_t offset : {0U, 1U}) {
        const StoredData data(type, rows * cols, offset, random);
        const std::vector<double> decoded = data.decoded();
        for (const LaunchShape& launch : test::row_launches()) {
          SCOPED_TRACE(testing::Message() << type.name() << ", " << cols << " columns, " << launch.block.x
                                          << " lanes, offset " << offset);
          expect_as_cpu(convert<1>(data, rows, cols, shift.data(), launch), decoded, shift.data(), cols);
          expect_as_cpu(convert<1>(data, rows, cols, nullptr, launch), decoded, nullptr, cols);
          if (cols % 2 == 0 && offset == 0) {
            expect_as_cpu(convert<2>(data, rows, cols, shift.data(), launch), decoded, shift.data(), cols);
          }
        }
      }
    }
  }
}

// Rows whose squares overflow, underflow or vanish.
Matrix ugly_rows() {
  constexpr double least = std::numeric_limits<double>::denorm_min();
  constexpr double most = std::numeric_limits<double>::max();
  constexpr std::size_t cols = 6;
  const std::vector<std::vector<double>> rows{
      {0, 0, 0, 0, 0, 0},
      {-0.0, 0, -0.0, 0, -0.0, -0.0},
      {0, 0, 0, 0, 0, least},
      {least, -least, least, least, -least, least},
      {1e-160, 2e-160, -3e-160, 0, 1e-170, 5e-161},
      {1e-140, 1e-140, 0, 0, 0, -1e-140},
      {1e200, -1e200, 3e199, 0, 1, 1e-200},
      {most, 0, 0, 0, 0, 0},
      {most / 4, most / 4, -most / 4, 0, 0, most / 4},
      {1, 1e-200, least, -0.0, 1e150, 1e-150},
  };
  Matrix all(rows.size(), cols);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::copy(rows[i].begin(), rows[i].end(), all.view().row(i).begin());
  }
  return all;
}

TEST(ConvertRows, NormsNeitherOverflowNorUnderflow) {
  const Matrix all = ugly_rows();
  const StoredData data(all.values());
  const std::vector<double> decoded(all.values().begin(), all.values().end());
  const std::vector<double> zeros(all.cols(), 0.0);
  for (const LaunchShape& launch : test::row_launches()) {
    expect_as_cpu(convert<1>(data, all.rows(), all.cols(), nullptr, launch), decoded, nullptr, all.cols());
    expect_as_cpu(convert<2>(data, all.rows(), all.cols(), zeros.data(), launch), decoded, zeros.data(),
                  all.cols());
  }
}

TEST(ConvertRows, RowsAtTheShiftHaveNoLength) {
  const std::vector<double> shift{0.1, -1e300, 1e-300, 0};
  Matrix all(3, shift.size());
  for (std::size_t i = 0; i < all.rows(); ++i) {
    std::copy(shift.begin(), shift.end(), all.view().row(i).begin());
  }
  all(2, 3) = 1e-200;
  const StoredData data(all.values());
  for (const LaunchShape& launch : test::row_launches()) {
    const Converted found = convert<2>(data, all.rows(), all.cols(), shift.data(), launch);
    EXPECT_EQ(found.stats.shifted_norm[0], 0);
    EXPECT_EQ(found.stats.shifted_norm[1], 0);
    EXPECT_EQ(found.stats.shifted_norm[2], 1e-200);
    EXPECT_EQ(found.stats.is_zero[1], 0);
    EXPECT_EQ(found.first, test::no_sample);
  }
}

TEST(ConvertRows, ReportsTheFirstSampleThatIsNotFinite) {
  constexpr std::size_t rows = 7;
  constexpr std::size_t cols = 10;
  test::Random random(2);
  for (const ElementType type : test::all_element_types()) {
    if (!test::has_infinity(type)) {
      continue;
    }
    for (const double value : {test::nan, test::infinity, -test::infinity}) {
      for (const std::size_t row : {std::size_t{0}, std::size_t{3}, rows - 1}) {
        for (std::size_t column = 0; column < cols; ++column) {
          StoredData data(type, rows * cols, 0, random);
          data.set(row * cols + column, value);
          data.set(rows * cols - 1, value);  // a second one, later
          for (const LaunchShape& launch : test::row_launches()) {
            EXPECT_EQ(convert<1>(data, rows, cols, nullptr, launch).first, 100 + row) << type.name();
            EXPECT_EQ(convert<2>(data, rows, cols, nullptr, launch).first, 100 + row) << type.name();
          }
        }
      }
    }
  }
}

TEST(ConvertRows, CountsTheFindInSamples) {
  constexpr std::size_t rows = 9;
  for (std::size_t row = 0; row < rows; ++row) {
    Matrix all(rows, 2);
    all(row, 1) = test::nan;
    const StoredData data(all.values());
    for (const std::uint64_t earlier : {test::no_sample, std::uint64_t{51}}) {
      std::uint64_t first = earlier;
      DeviceRows out(rows, 2, 0);
      run_rows(ConvertRows<2>{data.numbers(), nullptr, out.matrix(), {}, FiniteCheck{&first, 50, 2, 4}},
               {1, 1}, {1, 1});
      EXPECT_EQ(first, std::min(earlier, 50 + (2 + row) / 4));
    }
  }
}

// The statistics are about the shift all the same.
TEST(ConvertRows, TakesAMeanAwayAfterTheShift) {
  const std::vector<double> values{1, 2, 3, 5};
  const std::vector<double> shift{0.5, 1};
  const std::vector<double> mean{0.25, -1};
  const StoredData data(values);
  DeviceRows out(2, 2, 0);
  std::vector<double> squares(2);
  kernels::RowStats stats;
  stats.shifted_square = squares.data();
  std::uint64_t first = test::no_sample;
  run_rows(ConvertRows<2>{data.numbers(), shift.data(), out.matrix(), stats, FiniteCheck{&first, 0, 0, 1},
                          mean.data()},
           {1, 1}, {1, 2});
  EXPECT_EQ(std::vector<double>(out.row(0).begin(), out.row(0).end()), (std::vector<double>{0.25, 2}));
  EXPECT_EQ(std::vector<double>(out.row(1).begin(), out.row(1).end()), (std::vector<double>{2.25, 5}));
  EXPECT_EQ(squares, (std::vector<double>{0.25 + 1, 6.25 + 16}));
}

TEST(ConvertRows, WritesTheWantedStatisticsOnly) {
  const Matrix all = ugly_rows();
  const StoredData data(all.values());
  DeviceRows out(all.rows(), all.cols(), 0);
  std::uint64_t first = test::no_sample;
  std::vector<double> norms(all.rows() + 2, -1);
  kernels::RowStats stats;
  stats.norm = norms.data() + 1;
  run_rows(ConvertRows<1>{data.numbers(), nullptr, out.matrix(), stats, FiniteCheck{&first, 0, 0, 1}}, {1, 1},
           {4, 2});
  for (std::size_t i = 0; i < all.rows(); ++i) {
    const double norm = cpu::norm(all.view().row(i));
    EXPECT_NEAR(norms[i + 1], norm, 8 * eps * norm) << i;
  }
  EXPECT_EQ(norms.front(), -1);
  EXPECT_EQ(norms.back(), -1);
}

}  // namespace
}  // namespace collapscope
