// The largest eigenpairs against all of them, over spectra that tempt an iterative solver to miss some; and
// answers that are wrong.
#include "linalg/leading_eigen.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "collapscope/core/error.hpp"
#include "core/support.hpp"
#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"
#include "linalg/top_eigen.hpp"

namespace collapscope {
namespace {

using linalg::complete_leading;
using linalg::leading_eigen;
using linalg::symmetric_eigen;
using test::eps;
using test::Random;

struct WantedSpectrum {
  const char* name;
  std::function<double(std::size_t place, std::size_t order)> value;
};

std::vector<WantedSpectrum> wanted_spectra() {
  const auto signal = [](std::size_t i) { return 1.0 / static_cast<double>(i + 1); };
  return {
      {"zero", [](auto, auto) { return 0.0; }},
      {"identity", [](auto, auto) { return 1.0; }},
      {"rank 1", [](auto i, auto) { return i == 0 ? 7.0 : 0.0; }},
      {"rank 3", [=](auto i, auto) { return i < 3 ? signal(i) : 0.0; }},
      {"collapsed to 1e-9", [=](auto i, auto) { return i < 3 ? signal(i) : 1e-9; }},
      {"collapsed to rounding", [=](auto i, auto) { return i < 3 ? signal(i) : 1e-16; }},
      {"collapsed, uneven",
       [=](auto i, auto d) { return i < 3 ? signal(i) : 1e-9 * (1 - 0.9 * double(i) / double(d)); }},
      {"three times the largest", [](auto i, auto) { return i < 3 ? 2.0 : 1.0 / double(i); }},
      {"six times the largest", [](auto i, auto) { return i < 6 ? 2.0 : 1.0 / double(i); }},
      {"pairs", [](auto i, auto) { return 1.0 / double(i / 2 + 1); }},
      {"the last one wanted is multiple", [](auto i, auto) { return i < 2 ? 3.0 - double(i) : 0.5; }},
      {"two clusters", [](auto i, auto d) { return i < d / 2 ? 1.0 : 1e-9; }},
      {"near ties", [](auto i, auto) { return 1 + 1e-13 * double(i % 7) - 1e-3 * double(i / 7 % 5); }},
      {"power law", [](auto i, auto) { return std::pow(double(i + 1), -1.5); }},
      {"geometric", [](auto i, auto) { return std::pow(0.5, double(i)); }},
      {"evenly spaced", [](auto i, auto d) { return 1 - double(i) / double(d); }},
      {"tiny", [=](auto i, auto) { return 1e-150 * signal(i); }},
      {"huge", [=](auto i, auto) { return 1e150 * signal(i); }},
  };
}

std::vector<double> values_of(const WantedSpectrum& spectrum, std::size_t order) {
  std::vector<double> values;
  for (std::size_t i = 0; i < order; ++i) {
    values.push_back(spectrum.value(i, order));
  }
  std::sort(values.rbegin(), values.rend());
  return values;
}

// The part of the vectors of `found` that lies outside the span of the first `count` of `full`, largest
// entry.
double outside(const Matrix& found, const Matrix& full, std::size_t count) {
  double worst = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<double> rest(found.view().row(i).begin(), found.view().row(i).end());
    for (std::size_t j = 0; j < count; ++j) {
      const auto v = full.view().row(j);
      const auto f = found.view().row(i);
      const double along = std::inner_product(v.begin(), v.end(), f.begin(), 0.0);
      for (std::size_t c = 0; c < rest.size(); ++c) {
        rest[c] -= along * v[c];
      }
    }
    for (const double x : rest) {
      worst = std::max(worst, std::abs(x));
    }
  }
  return worst;
}

void expect_same(const Matrix& a, const Eigenbasis& found, const Eigenbasis& full, std::size_t wanted) {
  const std::size_t d = a.rows();
  const double unit = static_cast<double>(d) * eps * full.values[0];
  ASSERT_GE(found.size(), wanted);
  ASSERT_EQ(found.vectors.rows(), found.size());
  ASSERT_EQ(found.vectors.cols(), d);
  for (std::size_t j = 0; j < found.size(); ++j) {
    EXPECT_NEAR(found.values[j], full.values[j], 16 * unit) << j;
  }
  EXPECT_LE(linalg::eigen_error(a, found).residual, 5);
  EXPECT_LE(test::orthogonality_error(found.vectors), 8 * static_cast<double>(d) * eps);
  for (std::size_t count = 1; count <= wanted && count < d; ++count) {
    if (const double gap = full.values[count - 1] - full.values[count]; gap > 0.01 * full.values[0]) {
      EXPECT_LE(outside(found.vectors, full.vectors, count), 500 * unit / gap) << "of the first " << count;
    }
  }
  double trace = 0;
  double squares = 0;
  for (std::size_t j = found.size(); j < d; ++j) {
    trace += full.values[j] / full.values[0];
    squares += full.values[j] / full.values[0] * (full.values[j] / full.values[0]);
  }
  if (full.values[0] > 0) {
    const double rows = static_cast<double>(d);
    EXPECT_NEAR(found.rest_trace / full.values[0], trace, (16 + 2 * rows) * rows * eps);
    EXPECT_NEAR(found.rest_norm / full.values[0], std::sqrt(squares), 16 * rows * eps);
  }
}

TEST(LeadingEigen, AgreesWithAllPairs) {
  const linalg::SingleThread alone;  // a thousand small matrices
  for (const std::size_t d : {2U, 3U, 5U, 13U, 40U, 300U}) {
    for (const WantedSpectrum& spectrum : wanted_spectra()) {
      Random random(d);
      const Matrix a = test::covariance(values_of(spectrum, d), random);
      const Eigenbasis full = symmetric_eigen(a);
      for (const std::size_t pairs : {1U, 2U, 4U, 11U}) {
        SCOPED_TRACE(testing::Message() << spectrum.name << ", " << pairs << " of " << d);
        expect_same(a, leading_eigen(a, pairs), full, std::min(pairs, d));
      }
    }
  }
}

// Most of these must not cost all pairs.
TEST(LeadingEigen, LeavesTheRest) {
  std::size_t truncated = 0;
  for (const WantedSpectrum& spectrum : wanted_spectra()) {
    Random random(1);
    const Eigenbasis basis = leading_eigen(test::covariance(values_of(spectrum, 300), random), 4);
    truncated += basis.is_full() ? 0 : 1;
    EXPECT_TRUE(basis.is_full() || basis.size() == 4) << spectrum.name;
  }
  EXPECT_GE(truncated, wanted_spectra().size() - 2);
}

TEST(LeadingEigen, AllPairsAreThoseOfTheFullSolver) {
  Random random(5);
  const Matrix a = test::covariance({5, 4, 3, 2, 1, 0.5}, random);
  const Eigenbasis full = symmetric_eigen(a);
  for (const std::size_t pairs : {6U, 7U, 1000U}) {
    const Eigenbasis basis = leading_eigen(a, pairs);
    EXPECT_TRUE(basis.is_full());
    EXPECT_EQ(basis.values, full.values);
    EXPECT_EQ(basis.vectors, full.vectors);
    EXPECT_EQ(basis.rest_trace, 0);
    EXPECT_EQ(basis.rest_norm, 0);
  }
}

TEST(LeadingEigen, NoPairsLeaveEverything) {
  Random random(6);
  const Eigenbasis basis = leading_eigen(test::covariance({3, 2, 1, 0}, random), 0);
  EXPECT_EQ(basis.size(), 0U);
  EXPECT_EQ(basis.vectors.cols(), 4U);
  EXPECT_FALSE(basis.is_full());
  EXPECT_NEAR(basis.rest_trace, 6, 64 * eps);
  EXPECT_NEAR(basis.rest_norm, std::sqrt(14.0), 64 * eps);
}

TEST(LeadingEigen, TheRestKeepsItsDigits) {
  // A rest of 1e-9 the largest, taken as a difference of squares, would have none left.
  Random random(7);
  std::vector<double> values(200, 0.0);
  values[0] = 3;
  values[1] = 1;
  double trace = 0;
  double squares = 0;
  for (std::size_t i = 2; i < values.size(); ++i) {
    values[i] = 1e-9 / static_cast<double>(i);
    trace += i < 4 ? 0 : values[i];
    squares += i < 4 ? 0 : values[i] * values[i];
  }
  const Eigenbasis basis = leading_eigen(test::covariance(values, random), 4);
  ASSERT_EQ(basis.size(), 4U);
  EXPECT_NEAR(basis.rest_trace, trace, 1e-4 * trace);
  EXPECT_NEAR(basis.rest_norm, std::sqrt(squares), 1e-4 * std::sqrt(squares));
}

TEST(LeadingEigen, SameBitsAgain) {
  Random random(8);
  const Matrix a = test::covariance(values_of(wanted_spectra()[13], 200), random);
  const Eigenbasis once = leading_eigen(a, 6);
  const Eigenbasis again = leading_eigen(a, 6);
  EXPECT_EQ(once.values, again.values);
  EXPECT_EQ(once.vectors, again.vectors);
}

TEST(LeadingEigen, RefusesWhatIsNotFiniteOrNotSquare) {
  for (const double bad : {test::nan, test::infinity}) {
    Matrix a(40, 40);
    a(3, 7) = a(7, 3) = bad;
    EXPECT_THROW((void)leading_eigen(a, 2), NumericalError);
    EXPECT_THROW((void)leading_eigen(a, 0), NumericalError);
  }
  EXPECT_THROW((void)leading_eigen(Matrix(2, 3), 1), UsageError);
}

Eigenbasis pairs_of(const Eigenbasis& full, std::size_t first, std::size_t count) {
  return {{full.values.begin() + static_cast<std::ptrdiff_t>(first),
           full.values.begin() + static_cast<std::ptrdiff_t>(first + count)},
          test::rows_of(full.vectors, first, count)};
}

TEST(CompleteLeading, TakesTheLargestAndNoOthers) {
  for (const WantedSpectrum& spectrum : wanted_spectra()) {
    SCOPED_TRACE(spectrum.name);
    Random random(9);
    const std::size_t d = 60;
    const Matrix a = test::covariance(values_of(spectrum, d), random);
    const Eigenbasis full = symmetric_eigen(a);
    for (const std::size_t count : {1U, 3U, 10U}) {
      Eigenbasis right = pairs_of(full, 0, count);
      EXPECT_TRUE(complete_leading(a, right)) << count;
      for (std::size_t missed = 0; missed < count; ++missed) {
        if (full.values[missed] - full.values[count] < 1e-10 * full.values[0] || full.values[0] == 0) {
          continue;  // a tie: either will do
        }
        // Pairs 0 ... count without `missed`: each true, none twice, in order.
        Eigenbasis wrong = pairs_of(full, 0, count + 1);
        wrong.values.erase(wrong.values.begin() + static_cast<std::ptrdiff_t>(missed));
        Matrix vectors(count, d);
        for (std::size_t j = 0; j < count; ++j) {
          const auto row = full.vectors.view().row(j < missed ? j : j + 1);
          std::copy(row.begin(), row.end(), vectors.view().row(j).begin());
        }
        wrong.vectors = std::move(vectors);
        EXPECT_FALSE(complete_leading(a, wrong)) << missed << " is missing of " << count;
      }
    }
  }
}

TEST(CompleteLeading, FindsOutLies) {
  Random random(10);
  const Matrix a = test::covariance(values_of(wanted_spectra()[13], 80), random);
  const Eigenbasis right = pairs_of(symmetric_eigen(a), 0, 5);
  const auto refused = [&](const std::function<void(Eigenbasis&)>& lie) {
    Eigenbasis basis = right;
    lie(basis);
    return !complete_leading(a, basis);
  };
  EXPECT_FALSE(refused([](Eigenbasis&) {}));
  EXPECT_TRUE(refused([](Eigenbasis& b) { b = {}; }));
  EXPECT_TRUE(refused([](Eigenbasis& b) { b.values.pop_back(); }));
  EXPECT_TRUE(refused([](Eigenbasis& b) { b.values[2] *= 1 + 1e-9; }));
  EXPECT_TRUE(refused([](Eigenbasis& b) { b.values[4] = test::nan; }));
  EXPECT_TRUE(refused([](Eigenbasis& b) { b.vectors(3, 3) = test::nan; }));
  EXPECT_TRUE(refused([](Eigenbasis& b) { b.vectors(3, 3) += 1e-9; }));
  EXPECT_TRUE(refused([](Eigenbasis& b) { std::swap(b.values[0], b.values[1]); }));
  EXPECT_TRUE(refused([](Eigenbasis& b) {
    const auto row = b.vectors.view().row(0);
    std::copy(row.begin(), row.end(), b.vectors.view().row(1).begin());
    b.values[1] = b.values[0];
  }));
}

}  // namespace
}  // namespace collapscope
