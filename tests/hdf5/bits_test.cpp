// Integers of 16 bits that look like the bits of floats, and those that do not.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <random>

#include "analysis/remarks.hpp"

namespace collapscope::testing {
namespace {

using Bits = std::function<double(double)>;

// As unsigned and signed integers hold them.
double bfloat16_bits(double value) { return std::bit_cast<std::uint32_t>(static_cast<float>(value)) >> 16U; }
double signed_bfloat16_bits(double value) {
  return static_cast<std::int16_t>(static_cast<std::uint16_t>(bfloat16_bits(value)));
}
// Truncated; for normal numbers.
double float16_bits(double value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
  const std::uint32_t sign = (bits >> 16U) & 0x8000U;
  const auto exponent = static_cast<int>((bits >> 23U) & 0xffU) - 127 + 15;
  return exponent <= 0 ? sign : sign | static_cast<std::uint32_t>(exponent) << 10U | ((bits >> 13U) & 0x3ffU);
}

std::vector<double> many(const std::function<double(double)>& make) {
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  std::vector<double> numbers(2000);
  for (double& number : numbers) {
    number = make(normal(random));
  }
  return numbers;
}

TEST(FloatsIn, FindsActivations) {
  const std::vector<std::pair<const char*, Bits>> activations{
      {"normal", [](double x) { return x; }},
      {"small", [](double x) { return 1e-3 * x; }},
      {"large", [](double x) { return 300 * x; }},
      {"relu", [](double x) { return std::max(0.0, x); }},
      {"shifted", [](double x) { return 5 + x; }}};
  for (const auto& [name, value] : activations) {
    for (const Bits& bits : {Bits(bfloat16_bits), Bits(signed_bfloat16_bits)}) {
      EXPECT_EQ(floats_in(many([&, &make = value](double x) { return bits(make(x)); })),
                ElementKind::bfloat16)
          << name;
    }
  }
  EXPECT_EQ(floats_in(many(float16_bits)), ElementKind::float16);
  EXPECT_EQ(floats_in(many([](double x) { return float16_bits(std::max(0.0, x)); })), ElementKind::float16);
}

TEST(FloatsIn, LeavesIntegersAlone) {
  const std::vector<std::pair<const char*, Bits>> integers{
      {"counts", [](double x) { return std::floor(std::abs(10 * x)); }},
      {"quantized", [](double x) { return std::round(1000 * x); }},
      {"wide", [](double x) { return std::round(std::clamp(12000 * x, -32768.0, 32767.0)); }},
      {"uniform", [](double x) { return std::floor(65535 * 0.5 * std::erfc(x)); }},
      {"bytes", [](double x) { return std::floor(255 * 0.5 * std::erfc(x)); }},
      {"zero", [](double) { return 0.0; }}};
  for (const auto& [name, value] : integers) {
    EXPECT_EQ(floats_in(many(value)), std::nullopt) << name;
  }
  EXPECT_EQ(floats_in(std::vector<double>(8, bfloat16_bits(1.5))), std::nullopt) << "too few";
}

}  // namespace
}  // namespace collapscope::testing
