// Backend::eigenbasis of awkward covariances, of orders below and above those that a GPU takes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "collapscope/error.hpp"
#include "core/support.hpp"
#include "linalg/decompose.hpp"
#include "support/test_backend.hpp"

namespace collapscope {
namespace {

using test::eps;
using test::Random;

class EigenbasisOnBackend : public test::OnBackend {};

// diag(values), turned by three reflections; symmetric to the last bit.
Matrix covariance(const std::vector<double>& values, Random& random) {
  const std::size_t n = values.size();
  Matrix a(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    a(i, i) = values[i];
  }
  for (int turn = 0; turn < 3; ++turn) {
    const Matrix v = test::random_orthonormal(1, n, random);  // A <- (I - 2 v v^T) A (I - 2 v v^T)
    std::vector<double> product(n, 0.0);
    double along = 0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        product[i] += a(i, j) * v(0, j);
      }
      along += product[i] * v(0, i);
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        a(i, j) += 4 * along * v(0, i) * v(0, j) - 2 * (v(0, i) * product[j] + product[i] * v(0, j));
        a(j, i) = a(i, j);
      }
    }
  }
  return a;
}

struct Spectrum {
  const char* name;
  std::function<double(double)> value;  // of the place in the list, from 0 to 1
};

std::vector<Spectrum> spectra() {
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
    for (const Spectrum& spectrum : spectra()) {
      SCOPED_TRACE(testing::Message() << spectrum.name << ", order " << n);
      Random random(n);
      std::vector<double> expected;
      for (std::size_t i = 0; i < n; ++i) {
        expected.push_back(spectrum.value(n > 1 ? static_cast<double>(i) / static_cast<double>(n - 1) : 0.0));
      }
      const Matrix a = covariance(expected, random);
      const Eigenbasis basis = backend().eigenbasis(a);
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
  const Eigenbasis once = backend().eigenbasis(a);
  const Eigenbasis again = backend().eigenbasis(a);
  EXPECT_EQ(once.values, again.values);
  EXPECT_EQ(once.vectors, again.vectors);
}

TEST_F(EigenbasisOnBackend, RefusesWhatIsNotFinite) {
  for (const std::size_t n : {3U, 513U}) {
    for (const double bad : {test::nan, test::infinity}) {
      Matrix a(n, n);
      a(n - 1, 0) = a(0, n - 1) = bad;
      EXPECT_THROW((void)backend().eigenbasis(a), NumericalError);
    }
  }
}

}  // namespace
}  // namespace collapscope
