// Every kernel of every instruction set against plain loops: odd sizes, one row, one column, special values.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "collapscope/core/decode.hpp"
#include "core/support.hpp"
#include "cpu/levels.hpp"
#include "cpu/room.hpp"

namespace collapscope {
namespace {

using namespace cpu;
using test::eps;

constexpr std::size_t some_columns[] = {1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 64, 131};
constexpr std::size_t some_rows[] = {1, 2, 3, 4, 5, 7, 127, 128};

Room random_room(std::size_t rows, std::size_t columns, test::Random& random) {
  Room room(rows, columns);
  for (std::size_t i = 0; i < rows; ++i) {
    std::generate_n(room.row(i), columns, [&] { return random.normal(); });
  }
  return room;
}

ElementType element_of(Stored stored) {
  constexpr ElementKind kinds[] = {ElementKind::float16, ElementKind::bfloat16, ElementKind::float32,
                                   ElementKind::float64};
  return {kinds[static_cast<std::size_t>(stored)]};
}

// Finite numbers of the type about 1 in size, some zeros and subnormal numbers among them.
std::vector<std::byte> random_bytes(ElementType element, std::size_t count, test::Random& random) {
  std::vector<std::byte> bytes(count * element.size());
  for (std::size_t i = 0; i < count; ++i) {
    std::byte* to = bytes.data() + i * element.size();
    const double value = random.normal();
    const bool tiny = random.below(16) == 0;
    if (element.kind == ElementKind::float64) {
      const double stored = tiny ? 1e-310 : value;
      std::memcpy(to, &stored, sizeof stored);
    } else if (element.kind == ElementKind::float32) {
      const auto stored = static_cast<float>(tiny ? 1e-40 : value);
      std::memcpy(to, &stored, sizeof stored);
    } else {
      const std::size_t mantissa_bits = element.kind == ElementKind::float16 ? 10 : 7;
      const std::size_t exponent = tiny ? 0 : element.kind == ElementKind::float16 ? 15 : 127;
      const auto stored = static_cast<std::uint16_t>((random.below(2) << 15U) | (exponent << mantissa_bits) |
                                                     random.below(std::size_t{1} << mantissa_bits));
      std::memcpy(to, &stored, sizeof stored);
    }
  }
  return bytes;
}

class Kernels : public testing::TestWithParam<const VectorKernels*> {
 protected:
  const VectorKernels& kernels_ = *GetParam();

  struct Centred {
    Room to;
    AlignedDoubles sums;
    std::vector<double> squares;
    std::vector<double> centred_squares;
  };

  [[nodiscard]] Centred centre(Stored stored, const std::byte* from, std::size_t rows, std::size_t columns,
                               const AlignedDoubles& shift) const {
    Centred out{Room(rows, columns), AlignedDoubles(padded(columns), 1.0), std::vector<double>(rows),
                std::vector<double>(rows)};
    kernels_.centre[static_cast<std::size_t>(stored)](
        {from, columns * element_of(stored).size(), rows, columns, shift.data(), out.to.data(),
         out.to.stride(), 0, out.sums.data(), out.squares.data(), out.centred_squares.data()});
    return out;
  }

  void check_centre(Stored stored, std::size_t rows, std::size_t columns) const {
    test::Random random(rows * 1000 + columns);
    const std::vector<std::byte> bytes = random_bytes(element_of(stored), rows * columns, random);
    AlignedDoubles shift(padded(columns), 0.0);
    std::generate_n(shift.begin(), columns, [&] { return random.normal(); });
    std::vector<double> h(rows * columns);
    decode_elements(bytes, element_of(stored), h);
    const Centred found = centre(stored, bytes.data(), rows, columns, shift);
    std::vector<double> sums(columns, 1.0);
    std::vector<double> sizes(columns, 1.0);
    for (std::size_t i = 0; i < rows; ++i) {
      double square = 0;
      double centred_square = 0;
      for (std::size_t j = 0; j < columns; ++j) {
        const double value = h[i * columns + j];
        const double x = value - shift[j];
        ASSERT_EQ(found.to.row(i)[j], x);
        square += value * value;
        centred_square += x * x;
        sums[j] += x;
        sizes[j] += std::abs(x);
      }
      const double rounding = static_cast<double>(columns) * eps;
      ASSERT_NEAR(found.squares[i], square, rounding * square);
      ASSERT_NEAR(found.centred_squares[i], centred_square, rounding * centred_square);
      for (std::size_t j = columns; j < padded(columns); ++j) {
        ASSERT_EQ(found.to.row(i)[j], 0) << "padding";
      }
    }
    for (std::size_t j = 0; j < columns; ++j) {
      ASSERT_NEAR(found.sums[j], sums[j], static_cast<double>(rows) * eps * sizes[j]);
    }
  }
};

TEST_P(Kernels, Centre) {
  for (const Stored stored : {Stored::float16, Stored::bfloat16, Stored::float32, Stored::float64}) {
    for (const std::size_t rows : some_rows) {
      for (const std::size_t columns : some_columns) {
        SCOPED_TRACE(testing::Message() << element_of(stored).name() << ", " << rows << " x " << columns);
        check_centre(stored, rows, columns);
      }
    }
  }
}

// Packed at once, and as floats: what a room and two passes more would give.
TEST_P(Kernels, CentrePacked) {
  const std::size_t panel = kernels_.panel == 0 ? 4 : kernels_.panel;
  const std::size_t float_panel = kernels_.float_panel;
  for (const Stored stored : {Stored::float16, Stored::float32, Stored::float64}) {
    for (const std::size_t rows : some_rows) {
      for (const std::size_t columns : some_columns) {
        SCOPED_TRACE(testing::Message() << element_of(stored).name() << ", " << rows << " x " << columns);
        test::Random random(rows * 1000 + columns);
        const std::vector<std::byte> bytes = random_bytes(element_of(stored), rows * columns, random);
        AlignedDoubles shift(padded(columns), 0.0);
        std::generate_n(shift.begin(), columns, [&] { return random.normal(); });
        const Centred expected = centre(stored, bytes.data(), rows, columns, shift);
        const std::size_t width = round_up(padded(columns), float_panel);
        std::vector<float, NumberMemory<float>> floats(panel_rows * width, 0.0F);
        AlignedDoubles packed(panel_rows * width, 0.0);
        AlignedDoubles sums(width, 1.0);
        AlignedDoubles column_squares(width, 2.0);
        std::vector<double> squares(rows);
        std::vector<double> centred_squares(rows);
        const bool panels = kernels_.panel > 0;
        kernels_.centre[static_cast<std::size_t>(stored)](
            {bytes.data(), columns * element_of(stored).size(), rows, columns, shift.data(), packed.data(),
             panels ? panel : width, panels ? panel_rows * panel : 0, sums.data(), squares.data(),
             centred_squares.data(), floats.data(), 0.25, column_squares.data()});
        for (std::size_t j = 0; j < columns; ++j) {
          double column_square = 2;
          for (std::size_t i = 0; i < rows; ++i) {
            const double x = expected.to.row(i)[j];
            ASSERT_EQ(packed[panels ? (j / panel * panel_rows + i) * panel + j % panel : i * width + j], x);
            ASSERT_EQ(floats[(j / float_panel * panel_rows + i) * float_panel + j % float_panel],
                      static_cast<float>(x / 4));
            column_square += x * x;
          }
          ASSERT_EQ(sums[j], expected.sums[j]);
          ASSERT_NEAR(column_squares[j], column_square, static_cast<double>(rows) * eps * column_square);
        }
        EXPECT_EQ(squares, expected.squares);
        EXPECT_EQ(centred_squares, expected.centred_squares);
      }
    }
  }
}

TEST_P(Kernels, EveryHalfPrecisionNumber) {
  constexpr std::size_t count = 65536;
  std::vector<std::byte> bytes(count * sizeof(std::uint16_t));
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    std::memcpy(bytes.data() + i * sizeof bits, &bits, sizeof bits);
  }
  std::vector<double> expected(count);
  for (const Stored stored : {Stored::float16, Stored::bfloat16}) {
    decode_elements(bytes, element_of(stored), expected);
    const Centred found = centre(stored, bytes.data(), count / 64, 64, AlignedDoubles(64, 0.0));
    for (std::size_t i = 0; i < count; ++i) {
      const double value = found.to.row(i / 64)[i % 64];
      ASSERT_TRUE(value == expected[i] || (std::isnan(value) && std::isnan(expected[i]))) << i;
    }
  }
}

TEST_P(Kernels, WhatIsNotFiniteShowsInTheSquares) {
  for (const double bad : {test::nan, test::infinity, -test::infinity}) {
    for (const std::size_t at : {0U, 5U, 10U}) {
      std::vector<double> h(33, 1.0);
      h[11 + at] = bad;
      const Centred found =
          centre(Stored::float64, std::as_bytes(std::span(h)).data(), 3, 11, AlignedDoubles(16, 0.0));
      EXPECT_FALSE(std::isfinite(found.squares[1]));
      EXPECT_EQ(found.squares[0], 11);
      EXPECT_EQ(found.squares[2], 11);
    }
  }
}

TEST_P(Kernels, PackAndGram) {
  for (const std::size_t rows : some_rows) {
    for (const std::size_t columns : some_columns) {
      SCOPED_TRACE(testing::Message() << rows << " x " << columns);
      test::Random random(rows + columns);
      const Room room = random_room(rows, columns, random);
      std::vector<double> divisors(rows);
      std::generate(divisors.begin(), divisors.end(), [&] { return 2 + random.normal() / 8; });
      const std::size_t width = padded(columns);
      AlignedDoubles packed(panel_rows * width, test::nan);
      kernels_.pack({room.data(), room.stride(), rows, width, divisors.data(), packed.data()});
      const std::size_t panel = kernels_.panel == 0 ? width : kernels_.panel;
      const std::size_t depth = kernels_.panel == 0 ? rows : panel_rows;
      const auto at = [&](std::size_t i, std::size_t j) {
        return packed[(j / panel * depth + i) * panel + j % panel];
      };
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < width; ++j) {
          ASSERT_EQ(at(i, j), j < columns ? room.row(i)[j] / divisors[i] : 0);
        }
      }
      if (kernels_.panel == 0) {
        continue;
      }
      AlignedDoubles c(width * width, 1.0);
      kernels_.gram({packed.data(), rows, 0, width / panel, 0, width / panel, c.data(), width});
      for (std::size_t i = 0; i < columns; ++i) {
        for (std::size_t j = i; j < columns; ++j) {
          double sum = 1;
          double size = 1;
          for (std::size_t r = 0; r < rows; ++r) {
            sum += at(r, i) * at(r, j);
            size += std::abs(at(r, i) * at(r, j));
          }
          ASSERT_NEAR(c[i * width + j], sum, static_cast<double>(rows) * eps * size);
        }
      }
    }
  }
}

TEST_P(Kernels, PartsOfAGramHaveTheBitsOfTheWhole) {
  if (kernels_.panel == 0) {
    return;  // products are the BLAS's
  }
  test::Random random(4);
  const std::size_t columns = 96;
  const Room room = random_room(100, columns, random);
  const std::vector<double> ones(100, 1.0);
  AlignedDoubles packed(panel_rows * columns, 0.0);
  kernels_.pack({room.data(), room.stride(), 100, columns, ones.data(), packed.data()});
  const std::size_t panels = columns / kernels_.panel;
  AlignedDoubles whole(columns * columns, 0.0);
  AlignedDoubles parts(columns * columns, 0.0);
  kernels_.gram({packed.data(), 100, 0, panels, 0, panels, whole.data(), columns});
  for (std::size_t row = 0; row < panels; row += 2) {
    for (std::size_t column = 0; column < panels; column += 5) {
      kernels_.gram({packed.data(), 100, row, std::min(row + 2, panels), column, std::min(column + 5, panels),
                     parts.data(), columns});
    }
  }
  for (std::size_t i = 0; i < columns; ++i) {
    for (std::size_t j = i; j < columns; ++j) {
      ASSERT_EQ(parts[i * columns + j], whole[i * columns + j]);
    }
  }
}

TEST_P(Kernels, NarrowAndFloatGram) {
  const std::size_t panel = kernels_.float_panel;
  for (const std::size_t rows : some_rows) {
    for (const std::size_t columns : some_columns) {
      SCOPED_TRACE(testing::Message() << rows << " x " << columns);
      test::Random random(rows + columns);
      const std::size_t width = round_up(columns, panel);
      const Room room = random_room(rows, std::max(columns, width), random);
      std::vector<double> divisors(rows);
      std::generate(divisors.begin(), divisors.end(), [&] { return 2 + random.normal() / 8; });
      std::vector<float, NumberMemory<float>> packed(panel_rows * width, std::nanf(""));
      AlignedDoubles squares(width, test::nan);
      kernels_.narrow(
          {room.data(), room.stride(), rows, width, divisors.data(), packed.data(), squares.data()});
      const auto at = [&](std::size_t i, std::size_t j) -> double {
        return packed[(j / panel * panel_rows + i) * panel + j % panel];
      };
      for (std::size_t j = 0; j < width; ++j) {
        double sum = 0;
        for (std::size_t i = 0; i < rows; ++i) {
          const double x = room.row(i)[j] / divisors[i];
          ASSERT_EQ(at(i, j), static_cast<float>(x));
          sum += x * x;
        }
        ASSERT_NEAR(squares[j], sum, static_cast<double>(rows) * eps * sum);
      }
      AlignedDoubles c(width * width, 1.0);
      kernels_.float_gram({packed.data(), rows, 0, width / panel, 0, width / panel, 64.0, c.data(), width});
      for (std::size_t i = 0; i < columns; ++i) {
        for (std::size_t j = i; j < columns; ++j) {
          double sum = 0;
          double size = 0;
          for (std::size_t r = 0; r < rows; ++r) {
            sum += at(r, i) * at(r, j);
            size += std::abs(at(r, i) * at(r, j));
          }
          ASSERT_NEAR(c[i * width + j], 1 + 64 * sum,
                      64 * static_cast<double>(rows + 1) * 0x1p-24 * size + eps);
        }
      }
    }
  }
}

TEST_P(Kernels, PartsOfAFloatGramHaveTheBitsOfTheWhole) {
  test::Random random(4);
  const std::size_t columns = 96;
  const Room room = random_room(100, columns, random);
  const std::vector<double> ones(100, 1.0);
  AlignedDoubles squares(columns, 0.0);
  std::vector<float, NumberMemory<float>> packed(panel_rows * columns);
  kernels_.narrow({room.data(), room.stride(), 100, columns, ones.data(), packed.data(), squares.data()});
  const std::size_t panels = columns / kernels_.float_panel;
  AlignedDoubles whole(columns * columns, 0.0);
  AlignedDoubles parts(columns * columns, 0.0);
  kernels_.float_gram({packed.data(), 100, 0, panels, 0, panels, 1.0, whole.data(), columns});
  for (std::size_t row = 0; row < panels; row += 2) {
    for (std::size_t column = 0; column < panels; column += 5) {
      kernels_.float_gram({packed.data(), 100, row, std::min(row + 2, panels), column,
                           std::min(column + 5, panels), 1.0, parts.data(), columns});
    }
  }
  for (std::size_t i = 0; i < columns; ++i) {
    for (std::size_t j = i; j < columns; ++j) {
      ASSERT_EQ(parts[i * columns + j], whole[i * columns + j]);
    }
  }
}

// About a shift, or over their norms and about nothing: products are rounded before anything is taken from
// them.
TEST_P(Kernels, Rest) {
  for (const std::size_t rows : some_rows) {
    for (const std::size_t columns : some_columns) {
      for (const bool scaled : {false, true}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << columns << (scaled ? ", scaled" : ""));
        test::Random random(rows * 1000 + columns);
        const Room from = random_room(rows, columns, random);
        const Room shift = scaled ? Room(1, columns) : random_room(1, columns, random);
        const Matrix less = test::random_matrix(3, columns, random);
        std::vector<double> factors(rows);
        std::vector<const double*> which(rows);
        for (std::size_t i = 0; i < rows; ++i) {
          factors[i] = 1 + random.normal() / 8;
          which[i] = less.view().row(i * 2 % 3).data();
        }
        Room to(rows, columns);
        std::vector<double> squares(rows, test::nan);
        RestTask task{from.data(),  from.stride(), rows,      columns,     scaled ? factors.data() : nullptr,
                      shift.data(), which.data(),  to.data(), to.stride(), squares.data()};
        kernels_.rest(task);
        for (std::size_t i = 0; i < rows; ++i) {
          double square = 0;
          for (std::size_t j = 0; j < columns; ++j) {
            const double x = from.row(i)[j] * (scaled ? factors[i] : 1) - shift.row(0)[j] - which[i][j];
            ASSERT_EQ(to.row(i)[j], x);
            square += x * x;
          }
          ASSERT_NEAR(squares[i], square, static_cast<double>(columns) * eps * square);
          for (std::size_t j = columns; j < padded(columns); ++j) {
            ASSERT_EQ(to.row(i)[j], 0) << "padding";
          }
        }
        if (!scaled) {
          std::vector<double> again(rows, test::nan);
          task.to = nullptr;
          task.squares = again.data();
          kernels_.rest(task);
          EXPECT_EQ(again, squares);
        }
      }
    }
  }
}

TEST_P(Kernels, Add) {
  for (const std::size_t columns : some_columns) {
    test::Random random(columns);
    const Room from = random_room(2, columns, random);
    for (const double* less : {static_cast<const double*>(nullptr), from.row(1)}) {
      std::vector<double> to(columns + 1, 0.3);
      kernels_.add({from.row(0), less, to.data(), columns});
      for (std::size_t j = 0; j < columns; ++j) {
        ASSERT_EQ(to[j], 0.3 + (less == nullptr ? from.row(0)[j] : from.row(0)[j] - less[j]));
      }
      EXPECT_EQ(to[columns], 0.3);
    }
  }
}

// By the kernels, and by the BLAS where the matrix is large or there is no kernel.
TEST_P(Kernels, Whiten) {
  for (const std::size_t rows : {1U, 7U, 8U, 9U, 64U}) {
    for (const std::size_t columns : {1U, 5U, 128U, 300U, 600U}) {
      for (const std::size_t count : {1U, 2U, 8U, 9U, 24U, 25U, 32U, 33U, 450U}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << columns << ", " << count << " maps");
        test::Random random(rows + 100 * columns + count);
        const Room x = random_room(round_up(rows, 8), columns, random);
        const Matrix maps = test::random_matrix(count, columns, random);
        const Whitening whitening(maps, kernels_);
        AlignedDoubles products(whitening.room_for(rows), test::nan);
        double expected = 0;
        for (std::size_t i = 0; i < rows; ++i) {
          for (std::size_t q = 0; q < count; ++q) {
            double along = 0;
            for (std::size_t j = 0; j < columns; ++j) {
              along += x.row(i)[j] * maps(q, j);
            }
            expected += along * along;
          }
        }
        ASSERT_NEAR(whitening.sum(x, rows, products), expected,
                    static_cast<double>((columns + 8) * columns + rows * count) * eps * expected);
      }
    }
  }
  const Matrix none;
  AlignedDoubles products;
  EXPECT_EQ(Whitening(none, kernels_).sum(Room(8, 3), 8, products), 0);
}

TEST_P(Kernels, ProjectAndOutside) {
  for (const std::size_t rows : {1U, 3U, 4U, 9U}) {
    for (const std::size_t columns : some_columns) {
      for (const std::size_t count : {0U, 1U, 2U, 3U, 4U, 11U}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << columns << ", " << count << " maps");
        test::Random random(rows + 100 * columns + count);
        const Room x = random_room(rows, columns, random);
        const Room maps = random_room(count, columns, random);
        AlignedDoubles offset(padded(columns), 0.0);
        std::generate_n(offset.begin(), columns, [&] { return random.normal(); });
        Matrix coordinates(rows, count + 2);
        kernels_.project({x.data(), x.stride(), rows, padded(columns), maps.data(), maps.stride(), count,
                          coordinates.data(), count + 2});
        std::vector<double> centred(rows);
        std::vector<double> plain(rows);
        kernels_.outside({x.data(), x.stride(), rows, padded(columns), coordinates.data(), count + 2,
                          maps.data(), maps.stride(), count, offset.data(), centred.data(), plain.data()});
        const double rounding = static_cast<double>(columns + count + 4) * eps;
        for (std::size_t i = 0; i < rows; ++i) {
          for (std::size_t q = 0; q < count; ++q) {
            double sum = 0;
            double size = 0;
            for (std::size_t j = 0; j < columns; ++j) {
              sum += x.row(i)[j] * maps.row(q)[j];
              size += std::abs(x.row(i)[j] * maps.row(q)[j]);
            }
            ASSERT_NEAR(coordinates(i, q), sum, rounding * size);
          }
          ASSERT_EQ(coordinates(i, count), 0) << "beyond the maps";
          double expected_centred = 0;
          double expected_plain = 0;
          double size = 0;
          for (std::size_t j = 0; j < columns; ++j) {
            double rest = x.row(i)[j];
            double parts = std::abs(rest) + std::abs(offset[j]);
            for (std::size_t q = 0; q < count; ++q) {
              rest -= coordinates(i, q) * maps.row(q)[j];
              parts += std::abs(coordinates(i, q) * maps.row(q)[j]);
            }
            expected_centred += rest * rest;
            expected_plain += (rest + offset[j]) * (rest + offset[j]);
            size += parts * parts;
          }
          ASSERT_NEAR(centred[i], expected_centred, 2 * rounding * size);
          ASSERT_NEAR(plain[i], expected_plain, 2 * rounding * size);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, Kernels, testing::ValuesIn(test::all_kernels()), test::kernels_name);

TEST(KernelLevels, TheBestIsOneThatRuns) {
  EXPECT_EQ(kernels_of(Level::baseline), &baseline_kernels);
  const VectorKernels* best = &best_kernels();
  EXPECT_TRUE(best == kernels_of(Level::avx512) || best == kernels_of(Level::avx2) ||
              best == &baseline_kernels);
}

}  // namespace
}  // namespace collapscope
