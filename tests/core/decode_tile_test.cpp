// Tiles of stored samples to rows: every layout and pool against plain loops, and where a NaN is found.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "collapscope/core/decode.hpp"
#include "collapscope/core/error.hpp"
#include "core/support.hpp"

namespace collapscope {
namespace {

using test::eps;

constexpr std::size_t few_channels = 5;
constexpr std::size_t few_positions = 6;
constexpr std::size_t few_samples = 7;

const std::vector<Layout> layouts{Layout::rows, Layout::ntd, Layout::nchw, Layout::nhwc};
const std::vector<Pool> pools{Pool::mean, Pool::max, Pool::first, Pool::last, Pool::flatten, Pool::none};

RowFormat format_of(Layout layout, Pool pool) {
  return {
      {ElementKind::float64, false}, layout, pool, layout == Layout::rows ? 1 : few_positions, few_channels};
}

double stored_value(const RowFormat& format, const Matrix& all, std::size_t sample, std::size_t p,
                    std::size_t c) {
  const std::size_t at = format.layout == Layout::nchw ? c * format.positions + p : p * format.channels + c;
  return all.values()[sample * format.sample_elements() + at];
}

// Row by row as the definitions say.
Matrix naive_rows(const RowFormat& format, const Matrix& all) {
  Matrix out(few_samples * format.rows_per_sample(), format.row_length());
  for (std::size_t row = 0; row < out.rows(); ++row) {
    const std::size_t sample = row / format.rows_per_sample();
    for (std::size_t j = 0; j < out.cols(); ++j) {
      if (format.pool == Pool::flatten) {
        out(row, j) = all.values()[sample * format.sample_elements() + j];
        continue;
      }
      long double sum = 0;
      double largest = -test::infinity;
      for (std::size_t p = 0; p < format.positions; ++p) {
        sum += stored_value(format, all, sample, p, j);
        largest = std::max(largest, stored_value(format, all, sample, p, j));
      }
      const std::size_t p = format.pool == Pool::last   ? format.positions - 1
                            : format.pool == Pool::none ? row % format.rows_per_sample()
                                                        : 0;
      out(row, j) = format.pool == Pool::mean
                        ? static_cast<double>(sum / static_cast<double>(format.positions))
                    : format.pool == Pool::max ? largest
                                               : stored_value(format, all, sample, p, j);
    }
  }
  return out;
}

Matrix random_samples(const RowFormat& format) {
  test::Random random(11);
  return test::random_matrix(few_samples, format.sample_elements(), random);
}

TEST(DecodeTile, EveryLayoutAndPoolIntoAPaddedView) {
  for (const Layout layout : layouts) {
    for (const Pool pool : pools) {
      const RowFormat format = format_of(layout, pool);
      const Matrix all = random_samples(format);
      const Matrix expected = naive_rows(format, all);
      test::Padded out(Matrix(expected.rows(), expected.cols()));
      EXPECT_EQ(decode_tile({std::as_bytes(all.values()), 0, expected.rows(), 0}, format, out.view()),
                std::nullopt);
      // A mean of `positions` numbers carries as many roundings; all else is a copy.
      const double tolerance = pool == Pool::mean ? static_cast<double>(format.positions) * 4 * eps : 0;
      for (std::size_t i = 0; i < expected.rows(); ++i) {
        EXPECT_LE(test::largest_difference(out.view().row(i), expected.view().row(i)), tolerance)
            << layout_name(layout) << " " << pool_name(pool) << " row " << i;
      }
    }
  }
}

TEST(DecodeTile, PartsOfSamplesWithSkippedRows) {
  for (const Layout layout : {Layout::ntd, Layout::nchw, Layout::nhwc}) {
    const RowFormat format = format_of(layout, Pool::none);
    const Matrix all = random_samples(format);
    const Matrix expected = naive_rows(format, all);
    for (std::size_t skip = 0; skip < 2 * few_positions; ++skip) {
      for (const std::size_t rows : {1U, 2U, 6U, 13U}) {
        const std::size_t first_sample = 2;
        Matrix out(rows, few_channels);
        const auto bytes = std::as_bytes(all.values()).subspan(first_sample * format.sample_bytes());
        EXPECT_EQ(decode_tile({bytes, skip, rows, first_sample * few_positions + skip}, format, out.view()),
                  std::nullopt);
        EXPECT_EQ(out, test::rows_of(expected, first_sample * few_positions + skip, rows))
            << skip << " " << rows;
      }
    }
  }
}

TEST(DecodeTile, BigEndianHalfPrecisionIsPooledToo) {
  RowFormat format = format_of(Layout::nchw, Pool::max);
  format.element = {ElementKind::float16, true};
  format.positions = 2;
  format.channels = 2;
  // Channel 0: 1, 2; channel 1: -1, -2.
  const unsigned char bytes[] = {0x3c, 0x00, 0x40, 0x00, 0xbc, 0x00, 0xc0, 0x00};
  Matrix out(1, 2);
  EXPECT_EQ(decode_tile({std::as_bytes(std::span(bytes)), 0, 1, 0}, format, out.view()), std::nullopt);
  EXPECT_EQ(out(0, 0), 2);
  EXPECT_EQ(out(0, 1), -1);
}

TEST(DecodeTile, FindsNanAndInfWhereverTheyAre) {
  constexpr std::uint64_t before = 100;  // samples before the tile
  for (const Layout layout : layouts) {
    for (const Pool pool : pools) {
      const RowFormat format = format_of(layout, pool);
      const std::size_t rows = few_samples * format.rows_per_sample();
      for (const double value : {test::nan, test::infinity, -test::infinity}) {
        for (const std::size_t sample : {std::size_t{0}, few_samples / 2, few_samples - 1}) {
          // Every element counts, also those of positions that `first`, `last` and `max` do not use.
          for (std::size_t element = 0; element < format.sample_elements(); ++element) {
            Matrix all = random_samples(format);
            all(sample, element) = value;
            all(few_samples - 1, format.sample_elements() - 1) = value;  // a second one, later
            Matrix out(rows, format.row_length());
            const RawTile tile{std::as_bytes(all.values()), 0, rows, before * format.rows_per_sample()};
            EXPECT_EQ(decode_tile(tile, format, out.view()), before + sample)
                << layout_name(layout) << " " << pool_name(pool) << " " << value << " element " << element;
          }
        }
      }
    }
  }
}

TEST(DecodeTile, TheLargestFiniteNumbersAreFinite) {
  Matrix all(1, 2);
  all(0, 0) = std::numeric_limits<double>::max();
  all(0, 1) = std::numeric_limits<double>::lowest();
  Matrix out(1, 2);
  RowFormat format;
  format.channels = 2;
  EXPECT_EQ(decode_tile({std::as_bytes(all.values()), 0, 1, 0}, format, out.view()), std::nullopt);
  EXPECT_EQ(out, all);
}

TEST(DecodeTile, SkippedRowsBelongToTheTileBefore) {
  for (const Layout layout : {Layout::ntd, Layout::nchw}) {
    const RowFormat format = format_of(layout, Pool::none);
    const std::size_t first_position = 0;
    Matrix all = random_samples(format);
    all(0, first_position) = test::nan;
    Matrix out(few_positions, few_channels);
    const std::uint64_t start = 50 * few_positions;
    EXPECT_EQ(decode_tile({std::as_bytes(all.values()), 1, few_positions, start + 1}, format, out.view()),
              std::nullopt);
    EXPECT_EQ(decode_tile({std::as_bytes(all.values()), 0, few_positions, start}, format, out.view()), 50U);
  }
}

TEST(DecodeTile, RefusesShapesThatDoNotFit) {
  for (const Pool pool : pools) {
    const RowFormat format = format_of(Layout::nchw, pool);
    const Matrix all = random_samples(format);
    const std::size_t rows = few_samples * format.rows_per_sample();
    const std::size_t cols = format.row_length();
    const auto bytes = std::as_bytes(all.values());
    const auto decode = [&](std::span<const std::byte> from, std::size_t skip, std::size_t out_rows,
                            std::size_t out_cols) {
      Matrix out(out_rows, out_cols);
      (void)decode_tile({from, skip, rows, skip}, format, out.view());
    };
    EXPECT_NO_THROW(decode(bytes, 0, rows, cols));
    EXPECT_THROW(decode(bytes, 0, rows - 1, cols), UsageError);
    EXPECT_THROW(decode(bytes, 0, rows + 1, cols), UsageError);
    EXPECT_THROW(decode(bytes, 0, rows, cols - 1), UsageError);
    EXPECT_THROW(decode(bytes, 0, rows, cols + 1), UsageError);
    EXPECT_THROW(decode(bytes.first(bytes.size() - 1), 0, rows, cols), UsageError);
    EXPECT_THROW(decode(bytes, 1, rows, cols), UsageError);  // one row too many for the bytes
  }
}

}  // namespace
}  // namespace collapscope
