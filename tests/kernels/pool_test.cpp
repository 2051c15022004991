// Pooling as decode_tile does it: every layout, pool, type, part of the samples and launch, and where a NaN
// is reported.
#include "pool_op.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "collapscope/core/decode.hpp"
#include "kernels/support.hpp"
#include "position_op.hpp"

namespace collapscope {
namespace {

using kernels::FiniteCheck;
using test::DeviceRows;
using test::eps;
using test::LaunchShape;
using test::StoredData;

constexpr std::size_t samples = 3;
constexpr std::uint64_t earlier_samples = 100;  // than these

const std::vector<Layout> layouts{Layout::ntd, Layout::nchw, Layout::nhwc};
const std::vector<Pool> pools{Pool::mean, Pool::max, Pool::first, Pool::last};

struct Pooled {
  DeviceRows rows;
  std::uint64_t first = test::no_sample;
};

Pooled pooled(const StoredData& data, const RowFormat& format, std::size_t skip, std::size_t rows,
              const LaunchShape& launch) {
  Pooled result{DeviceRows(rows, format.channels, 2)};
  const FiniteCheck check{&result.first, earlier_samples, skip, format.rows_per_sample()};
  if (format.pool == Pool::none) {
    run_columns(kernels::PositionRows{data.numbers(), format.positions, skip, result.rows.matrix(), check},
                launch.grid, launch.block);
  } else {
    const auto shape = kernels::sample_shape(format.layout, format.positions, format.channels);
    run_rows(kernels::PoolRows{data.numbers(), shape, format.pool, skip, result.rows.matrix(), check},
             launch.grid, launch.block);
  }
  return result;
}

// The same by the CPU.
struct Decoded {
  Matrix rows;
  std::uint64_t first;
};

Decoded decoded(const StoredData& data, const RowFormat& format, std::size_t skip, std::size_t rows) {
  Decoded result{Matrix(rows, format.channels), test::no_sample};
  const RawTile tile{data.bytes(), skip, rows, earlier_samples * format.rows_per_sample() + skip};
  result.first = decode_tile(tile, format, result.rows.view()).value_or(test::no_sample);
  return result;
}

// Of sums of `positions` numbers not above the largest.
double tolerance(const RowFormat& format, const StoredData& data) {
  double largest = 0;
  for (const double value : data.decoded()) {
    largest = std::max(largest, std::abs(value));
  }
  return format.pool == Pool::mean ? largest * static_cast<double>(format.positions) * eps : 0;
}

void expect_as_cpu(const StoredData& data, const RowFormat& format, std::size_t skip, std::size_t rows,
                   const LaunchShape& launch) {
  const Decoded expected = decoded(data, format, skip, rows);
  const Pooled found = pooled(data, format, skip, rows, launch);
  EXPECT_EQ(found.first, expected.first);
  EXPECT_TRUE(found.rows.padding_untouched());
  for (std::size_t i = 0; i < rows; ++i) {
    ASSERT_LE(test::largest_difference(found.rows.row(i), expected.rows.view().row(i)),
              tolerance(format, data))
        << "row " << i;
  }
}

TEST(PoolRows, EveryTypeLayoutPoolAndLaunch) {
  test::Random random(4);
  for (const ElementType type : test::all_element_types()) {
    for (const Layout layout : layouts) {
      for (const Pool pool : pools) {
        for (const std::size_t positions : {1U, 2U, 9U, 49U, 300U}) {
          const std::size_t channels = positions > 100 ? 2 : 5;
          const RowFormat format{type, layout, pool, positions, channels};
          const StoredData data(type, samples * format.sample_elements(), 1, random);
          SCOPED_TRACE(testing::Message() << type.name() << " " << layout_name(layout) << " "
                                          << pool_name(pool) << " of " << positions);
          for (const LaunchShape& launch : test::row_launches()) {
            expect_as_cpu(data, format, 0, samples, launch);
          }
        }
      }
    }
  }
}

TEST(PoolRows, LaterSamplesOnly) {
  test::Random random(5);
  const RowFormat format{{ElementKind::float32, true}, Layout::nchw, Pool::mean, 6, 5};
  const StoredData data(format.element, samples * format.sample_elements(), 0, random);
  expect_as_cpu(data, format, 1, 2, {{1, 1}, {4, 2}});
  expect_as_cpu(data, format, 2, 1, {{1, 1}, {4, 2}});
}

TEST(PoolRows, SeesEveryNumberOfTheSamples) {
  test::Random random(6);
  for (const ElementType type : test::all_element_types()) {
    for (const Layout layout : layouts) {
      for (const Pool pool : pools) {
        const RowFormat format{type, layout, pool, 11, 3};
        for (std::size_t element = 0; test::has_infinity(type) && element < format.sample_elements();
             ++element) {
          for (const double value : {test::nan, test::infinity, -test::infinity}) {
            StoredData data(type, samples * format.sample_elements(), 0, random);
            const std::size_t sample = element % samples;
            data.set(sample * format.sample_elements() + element, value);
            data.set(samples * format.sample_elements() - 1, -value);  // a second one, later
            const LaunchShape launch = test::row_launches()[element % test::row_launches().size()];
            EXPECT_EQ(pooled(data, format, 0, samples, launch).first, earlier_samples + sample)
                << type.name();
          }
        }
      }
    }
  }
}

TEST(PoolRows, SumsThatOverflowAreNoNan) {
  const Matrix all = [] {
    Matrix huge(samples, 8);
    std::fill(huge.values().begin(), huge.values().end(), 1e308);
    return huge;
  }();
  for (const Layout layout : layouts) {
    for (const Pool pool : {Pool::max, Pool::first, Pool::last}) {
      const RowFormat format{{ElementKind::float64, false}, layout, pool, 4, 2};
      expect_as_cpu(StoredData(all.values()), format, 0, samples, {{1, 1}, {2, 2}});
    }
    const RowFormat format{{ElementKind::float64, false}, layout, Pool::mean, 4, 2};
    const Pooled found = pooled(StoredData(all.values()), format, 0, samples, {{1, 1}, {2, 2}});
    EXPECT_EQ(found.first, test::no_sample);
    EXPECT_EQ(found.rows.row(0)[0], test::infinity);  // as the CPU has it
  }
}

TEST(PositionRows, EveryTypePartAndLaunch) {
  test::Random random(7);
  for (const ElementType type : test::all_element_types()) {
    for (const std::size_t positions : {1U, 7U, 8U, 16U, 17U, 49U}) {
      const RowFormat format{type, Layout::nchw, Pool::none, positions, 5};
      const StoredData data(type, samples * format.sample_elements(), 1, random);
      for (const std::size_t skip : {std::size_t{0}, std::size_t{1}, positions - 1, positions + 3}) {
        const std::size_t left = samples * positions - std::min(skip, samples * positions);
        for (const std::size_t rows : {std::size_t{1}, left / 2, left}) {
          if (rows == 0 || rows > left) {
            continue;
          }
          SCOPED_TRACE(testing::Message()
                       << type.name() << ", " << rows << " rows behind " << skip << " of " << positions);
          for (const LaunchShape& launch : test::column_launches()) {
            expect_as_cpu(data, format, skip, rows, launch);
          }
        }
      }
    }
  }
}

TEST(PositionRows, ChecksTheNumbersOfItsRows) {
  test::Random random(8);
  const RowFormat format{{ElementKind::bfloat16, false}, Layout::nchw, Pool::none, 18, 2};
  constexpr std::size_t skip = 5;
  constexpr std::size_t rows = 40;
  for (const double value : {test::nan, test::infinity, -test::infinity}) {
    for (std::size_t element = 0; element < samples * format.sample_elements(); ++element) {
      StoredData data(format.element, samples * format.sample_elements(), 0, random);
      data.set(element, value);
      const std::uint64_t expected = decoded(data, format, skip, rows).first;
      for (const LaunchShape& launch : test::column_launches()) {
        EXPECT_EQ(pooled(data, format, skip, rows, launch).first, expected) << element;
      }
    }
  }
}

}  // namespace
}  // namespace collapscope
