// Backend::eigenbasis of awkward covariances, of orders below and above those that a GPU takes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "collapscope/core/error.hpp"
#include "core/support.hpp"
#include "linalg/decompose.hpp"
#include "support/test_backend.hpp"

namespace collapscope {
namespace {

using test::eps;
using test::Random;

class EigenbasisOnBackend : public test::OnBackend {};

struct NamedSpectrum {
  const char* name;
  std::function<double(double)> value;  // of the place in the list, from 0 to 1
};

std::vector<NamedSpectrum> named_spectra() {
  return {
      {"zero", [](double) { return 0.0; }},
      {"identity", [](double) { return 1.0; }},
      {"rank one", [](double t) { return t == 0 ? 5.0 : 0.0; }},
      {"low rank", [](double t) { return t < 0.01 ? 1.0 : 0.0; }},
      {"two clusters", [](double t) { return t < 0.5 ? 1.0 : 1e-9; }},
      {"graded", [](double t) { return std::pow(10.0, -16 * t); }},
      {"tiny", [](double t) { return 1e-150 * (1 - 0.9 * t); }},
      {"huge", [](double t) { return 1e150 * (1 - 0.9 * t); }},
  };
}

TEST_F(EigenbasisOnBackend, AwkwardSpectra) {
  for (const std::size_t n : {1U, 2U, 64U, 515U}) {
    for (const NamedSpectrum& spectrum : named_spectra()) {
      SCOPED_TRACE(testing::Message() << spectrum.name << ", order " << n);
      Random random(n);
      std::vector<double> expected;
      for (std::size_t i = 0; i < n; ++i) {
        expected.push_back(spectrum.value(n > 1 ? static_cast<double>(i) / static_cast<double>(n - 1) : 0.0));
      }
      const Matrix a = test::covariance(expected, random);
      const Eigenbasis basis = backend().eigenbasis(a, a.rows());
      ASSERT_EQ(basis.size(), n);
      EXPECT_TRUE(std::is_sorted(basis.values.rbegin(), basis.values.rend()));
      EXPECT_GE(basis.values.back(), 0);
      EXPECT_LE(linalg::eigen_error(a, basis).residual, 5);
      EXPECT_LE(linalg::eigen_error(a, basis).orthogonality, 5);
      std::sort(expected.rbegin(), expected.rend());
      EXPECT_LE(test::largest_difference(basis.values, expected),
                16 * static_cast<double>(n) * eps * expected.front());
    }
  }
}

TEST_F(EigenbasisOnBackend, FewPairsAreTheLargest) {
  for (const std::size_t n : {2U, 64U, 515U}) {
    for (const NamedSpectrum& spectrum : named_spectra()) {
      SCOPED_TRACE(testing::Message() << spectrum.name << ", order " << n);
      Random random(n);
      std::vector<double> expected;
      for (std::size_t i = 0; i < n; ++i) {
        expected.push_back(spectrum.value(static_cast<double>(i) / static_cast<double>(n - 1)));
      }
      const Matrix a = test::covariance(expected, random);
      const Eigenbasis basis = backend().eigenbasis(a, 4);
      const double rounding = 16 * static_cast<double>(n) * eps * expected.front();
      const std::size_t count = std::min<std::size_t>(n, 4);
      ASSERT_GE(basis.size(), count);
      EXPECT_GE(basis.values.back(), 0);
      EXPECT_LE(linalg::eigen_error(a, basis).residual, 5);
      EXPECT_LE(linalg::eigen_error(a, basis).orthogonality, 5);
      EXPECT_LE(test::largest_difference(std::span(basis.values).first(count),
                                         std::span<const double>(expected).first(count)),
                rounding);
      double trace = 0;
      for (std::size_t j = basis.size(); j < n; ++j) {
        trace += expected[j];
      }
      EXPECT_NEAR(basis.rest_trace, trace, static_cast<double>(n) * rounding);
    }
  }
}

TEST_F(EigenbasisOnBackend, SameBitsAgain) {
  Random random(3);
  const Matrix x = test::random_matrix(20, 530, random);
  Matrix a(530, 530);
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.cols(); ++j) {
      for (std::size_t k = 0; k < x.rows(); ++k) {
        a(i, j) += x(k, i) * x(k, j);
      }
    }
  }
  const Eigenbasis once = backend().eigenbasis(a, a.rows());
  const Eigenbasis again = backend().eigenbasis(a, a.rows());
  EXPECT_EQ(once.values, again.values);
  EXPECT_EQ(once.vectors, again.vectors);
}

TEST_F(EigenbasisOnBackend, RefusesWhatIsNotFinite) {
  for (const std::size_t n : {3U, 513U}) {
    for (const double bad : {test::nan, test::infinity}) {
      Matrix a(n, n);
      a(n - 1, 0) = a(0, n - 1) = bad;
      EXPECT_THROW((void)backend().eigenbasis(a, a.rows()), NumericalError);
    }
  }
}

}  // namespace
}  // namespace collapscope
