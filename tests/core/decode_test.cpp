// Stored numbers to float64: every half-precision pattern, every type and byte order, bit for bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "collapscope/core/decode.hpp"
#include "collapscope/core/error.hpp"
#include "core/support.hpp"

namespace collapscope {
namespace {

using test::infinity;

// sign, exponent and fraction of a small float by the book; fraction_bits + exponent_bits = 15.
double slow_decode(std::uint16_t bits, int fraction_bits) {
  const int exponent_bits = 15 - fraction_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> fraction_bits) & ((1 << exponent_bits) - 1);
  const int fraction = bits & ((1 << fraction_bits) - 1);
  const double sign = (bits >> 15) != 0 ? -1.0 : 1.0;
  if (exponent == (1 << exponent_bits) - 1) {
    return fraction != 0 ? std::copysign(test::nan, sign) : sign * infinity;
  }
  const int leading = exponent == 0 ? 0 : 1 << fraction_bits;
  return sign * std::ldexp(leading + fraction, std::max(exponent, 1) - bias - fraction_bits);
}

// Equal bits; of NaNs that both are.
bool identical(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// The bytes of the values behind `shift` bytes of padding, in the wanted order.
template <class T>
std::vector<std::byte> stored(const std::vector<T>& values, bool big_endian, std::size_t shift) {
  std::vector<std::byte> bytes(shift + values.size() * sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::byte* at = bytes.data() + shift + i * sizeof(T);
    std::memcpy(at, &values[i], sizeof(T));
    if (big_endian) {
      std::reverse(at, at + sizeof(T));
    }
  }
  return bytes;
}

template <class T>
void expect_decoded(ElementKind kind, const std::vector<T>& values, const std::vector<double>& expected) {
  for (const bool big_endian : {false, true}) {
    for (const std::size_t shift : {0U, 1U, 3U}) {
      const ElementType type{kind, big_endian};
      ASSERT_EQ(type.size(), sizeof(T));
      const std::vector<std::byte> bytes = stored(values, big_endian, shift);
      std::vector<double> out(values.size(), -7.0);
      decode_elements(std::span(bytes).subspan(shift), type, out);
      for (std::size_t i = 0; i < out.size(); ++i) {
        ASSERT_TRUE(identical(out[i], expected[i])) << type.name() << " " << i << ": " << out[i];
      }
    }
  }
}

template <class T>
void expect_decoded(ElementKind kind, const std::vector<T>& values) {
  std::vector<double> expected;
  for (const T value : values) {
    expected.push_back(static_cast<double>(value));
  }
  expect_decoded(kind, values, expected);
}

template <class T>
std::vector<T> integers() {
  return {0,
          1,
          static_cast<T>(-1),
          42,
          std::numeric_limits<T>::min(),
          std::numeric_limits<T>::max(),
          static_cast<T>(std::numeric_limits<T>::max() / 3)};
}

template <class T>
std::vector<T> floats() {
  using Limits = std::numeric_limits<T>;
  return {0,
          T{-0.0F},
          1,
          T{-1.5F},
          Limits::denorm_min(),
          -Limits::denorm_min(),
          Limits::min(),
          Limits::max(),
          Limits::lowest(),
          Limits::epsilon(),
          T(1) / T(3),
          Limits::infinity(),
          -Limits::infinity(),
          Limits::quiet_NaN()};
}

TEST(Decode, EveryHalfPrecisionPattern) {
  std::vector<std::uint16_t> patterns(65536);
  std::vector<double> float16;
  std::vector<double> bfloat16;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    patterns[i] = static_cast<std::uint16_t>(i);
    float16.push_back(slow_decode(patterns[i], 10));
    bfloat16.push_back(slow_decode(patterns[i], 7));
  }
  EXPECT_EQ(slow_decode(0x3c00, 10), 1.0);  // the reference itself
  EXPECT_EQ(slow_decode(0x7bff, 10), 65504.0);
  EXPECT_EQ(slow_decode(0x0001, 10), 0x1p-24);
  EXPECT_EQ(slow_decode(0xbf80, 7), -1.0);
  expect_decoded(ElementKind::float16, patterns, float16);
  expect_decoded(ElementKind::bfloat16, patterns, bfloat16);
}

TEST(Decode, EveryTypeAtItsExtremes) {
  expect_decoded(ElementKind::float32, floats<float>());
  expect_decoded(ElementKind::float64, floats<double>());
  expect_decoded(ElementKind::int8, integers<std::int8_t>());
  expect_decoded(ElementKind::int16, integers<std::int16_t>());
  expect_decoded(ElementKind::int32, integers<std::int32_t>());
  expect_decoded(ElementKind::int64, integers<std::int64_t>());
  expect_decoded(ElementKind::uint8, integers<std::uint8_t>());
  expect_decoded(ElementKind::uint16, integers<std::uint16_t>());
  expect_decoded(ElementKind::uint32, integers<std::uint32_t>());
  expect_decoded(ElementKind::uint64, integers<std::uint64_t>());
}

TEST(Decode, WideIntegersRoundToNearest) {
  expect_decoded<std::int64_t>(ElementKind::int64, {(std::int64_t{1} << 53) + 1, (std::int64_t{1} << 53) - 1},
                               {0x1p53, 0x1p53 - 1});
  expect_decoded<std::uint64_t>(ElementKind::uint64, {~std::uint64_t{0}, (std::uint64_t{1} << 53U) + 3},
                                {0x1p64, 0x1p53 + 4});
}

TEST(Decode, RefusesOtherSizes) {
  const std::vector<std::byte> bytes(16);
  std::vector<double> out(2);
  EXPECT_NO_THROW(decode_elements(bytes, {ElementKind::float64, false}, out));
  EXPECT_THROW(decode_elements(bytes, {ElementKind::float32, false}, out), UsageError);
  EXPECT_THROW(decode_elements(std::span(bytes).first(15), {ElementKind::float64, false}, out), UsageError);
  EXPECT_NO_THROW(decode_elements({}, {ElementKind::int8, false}, {}));
}

TEST(ElementType, SizeRoundoffAndName) {
  EXPECT_EQ((ElementType{ElementKind::float16, false}.unit_roundoff()), 0x1p-11);
  EXPECT_EQ((ElementType{ElementKind::bfloat16, true}.unit_roundoff()), 0x1p-8);
  EXPECT_EQ((ElementType{ElementKind::float32, false}.unit_roundoff()), 0x1p-24);
  EXPECT_EQ((ElementType{ElementKind::float64, false}.unit_roundoff()), test::eps / 2);
  EXPECT_EQ((ElementType{ElementKind::int32, false}.unit_roundoff()), 0);
  EXPECT_EQ((ElementType{ElementKind::float16, true}.name()), "float16 big-endian");
  EXPECT_EQ((ElementType{ElementKind::uint8, true}.name()), "uint8");  // a byte has no order
}

TEST(Pool, NamesGoBothWays) {
  for (const Pool pool : {Pool::mean, Pool::max, Pool::first, Pool::last, Pool::flatten, Pool::none}) {
    EXPECT_EQ(parse_pool(pool_name(pool)), pool);
  }
  EXPECT_EQ(parse_pool("Mean"), Pool::mean);
  for (const char* text : {"", "avg", "mean ", "max\n"}) {
    EXPECT_THROW((void)parse_pool(text), UsageError) << text;
  }
}

}  // namespace
}  // namespace collapscope
