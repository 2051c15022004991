// Roots of the secular equation, held against the equation itself in long double.
#include "linalg/secular_root.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "core/support.hpp"

namespace collapscope {
namespace {

using linalg::secular_root;
using test::eps;
using test::Random;

// A number for place i of n, drawn with `random`.
struct Numbers {
  const char* name;
  std::function<double(Random& random, std::size_t i, std::size_t n)> at;
};

double between_0_and_1(Random& random) { return 0.5 + 0.5 * std::tanh(random.normal()); }

std::vector<Numbers> pole_sets() {
  return {
      {"even", [](auto&, auto i, auto n) { return double(i) / double(n); }},
      {"random", [](auto& random, auto, auto) { return between_0_and_1(random); }},
      {"graded", [](auto& random, auto, auto) { return std::exp2(-60 * between_0_and_1(random)); }},
      {"near one", [](auto&, auto i, auto) { return 1 + 1e-13 * double(i); }},
      {"toward one", [](auto& random, auto, auto) { return 1 - std::exp2(-30 * between_0_and_1(random)); }},
      {"four clusters", [](auto&, auto i, auto) { return double(i % 4) + 1e-14 * double(i); }},
      {"a large one behind", [](auto&, auto i, auto n) { return i + 1 == n ? 1.0 : 1e-12 * double(i); }},
  };
}

std::vector<Numbers> weight_sets() {
  return {
      {"alike", [](auto&, auto, auto) { return 1.0; }},
      {"random", [](auto& random, auto, auto) { return random.normal(); }},
      {"of all sizes", [](auto& random, auto, auto) { return std::exp2(-45 * between_0_and_1(random)); }},
      {"the first alone", [](auto&, auto i, auto) { return i == 0 ? 1.0 : 1e-14; }},
      {"the last alone", [](auto&, auto i, auto n) { return i + 1 == n ? 1.0 : -1e-14; }},
  };
}

std::vector<double> numbers_of(const Numbers& numbers, std::size_t n, Random& random) {
  std::vector<double> found;
  for (std::size_t i = 0; i < n; ++i) {
    found.push_back(numbers.at(random, i, n));
  }
  return found;
}

void make_different(std::vector<double>& d) {
  std::ranges::sort(d);
  for (std::size_t i = 1; i < d.size(); ++i) {
    d[i] = std::max(d[i], std::nextafter(d[i - 1], 9));
  }
}

void make_unit(std::vector<double>& z) {
  double squares = 0;
  for (const double value : z) {
    squares += value * value;
  }
  for (double& value : z) {
    value /= std::sqrt(squares);
  }
}

// |1/rho + sum of z^2 / gap| over the sum of the sizes.
double rest_of(const linalg::SecularEquation& equation, const std::vector<double>& gaps) {
  long double sum = 1 / static_cast<long double>(equation.rho);
  long double sizes = sum;
  for (std::size_t j = 0; j < gaps.size(); ++j) {
    const long double z = equation.z[j];
    sum += z * z / gaps[j];
    sizes += std::abs(z * z / gaps[j]);
  }
  return static_cast<double>(std::abs(sum) / sizes);
}

TEST(SecularRoot, SolvesTheEquationAndLiesBetweenItsPoles) {
  for (const std::size_t n : {1U, 2U, 3U, 8U, 9U, 31U, 300U}) {
    for (const Numbers& spectrum : pole_sets()) {
      for (const Numbers& vector : weight_sets()) {
        for (const double rho : {1.0, 1e-8, 2.0}) {
          SCOPED_TRACE(testing::Message()
                       << spectrum.name << " of " << n << ", z " << vector.name << ", rho " << rho);
          Random random(n);
          std::vector<double> d = numbers_of(spectrum, n, random);
          std::vector<double> z = numbers_of(vector, n, random);
          make_different(d);
          make_unit(z);
          const linalg::SecularEquation equation{d, z, rho};
          std::vector<double> gaps(n);
          for (std::size_t i = 0; i < n; ++i) {
            const double root = secular_root(equation, i, gaps);
            EXPECT_LE(rest_of(equation, gaps), 32 * eps) << i;
            for (std::size_t j = 0; j < n; ++j) {
              EXPECT_EQ(gaps[j] > 0, j > i) << i << " " << j;
              EXPECT_NEAR(d[j] - root, gaps[j], 4 * eps * std::max(std::abs(d[j]), std::abs(root)));
            }
          }
        }
      }
    }
  }
}

TEST(SecularRoot, OfOnePoleIsExact) {
  std::vector<double> gaps(1);
  EXPECT_EQ(secular_root({std::vector{0.25}, std::vector{1.0}, 0.5}, 0, gaps), 0.75);
  EXPECT_EQ(gaps[0], -0.5);
}

TEST(SecularRoot, OfNumbersThatAreNoneComesToAnEnd) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> gaps(2);
  EXPECT_TRUE(std::isnan(secular_root({std::vector{0.0, none}, std::vector{1.0, 1.0}, 1}, 0, gaps)));
}

TEST(MultiplyByRatios, TakesEachNumberItsOwn) {
  std::vector<double> values(11, 3.0);
  std::vector<double> d;
  std::vector<double> gaps;
  for (std::size_t j = 0; j < values.size(); ++j) {
    d.push_back(static_cast<double>(j) + 2);
    gaps.push_back(static_cast<double>(j + 1) * 2);
  }
  linalg::multiply_by_ratios(gaps, d, 1, values);
  EXPECT_EQ(values, std::vector<double>(11, 6.0));
}

}  // namespace
}  // namespace collapscope
