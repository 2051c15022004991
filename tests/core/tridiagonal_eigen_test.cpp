// Divide and conquer of tridiagonal matrices against LAPACK's: matrices that fall apart, deflate everywhere
// or nowhere, of orders with none to many cuts.
#include "linalg/tridiagonal_eigen.hpp"

#include <gtest/gtest.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "core/support.hpp"
#include "linalg/blas.hpp"

namespace collapscope {
namespace {

using linalg::TridiagonalPairs;
using test::eps;

struct TridiagonalCase {
  const char* name;
  std::function<double(std::size_t)> diagonal;
  std::function<double(std::size_t)> beside;
};

std::vector<TridiagonalCase> tridiagonal_cases() {
  const auto none = [](std::size_t) { return 0.0; };
  const auto odd = [](std::size_t i) { return std::sin(double(i) * double(i)); };
  return {
      {"zero", none, none},
      {"identity", [](std::size_t) { return 1.0; }, none},
      {"Toeplitz", [](std::size_t) { return 0.5; }, [](std::size_t) { return -0.25; }},
      {"Wilkinson's", [](std::size_t i) { return std::abs(double(i) - 150.0) / 300; },
       [](std::size_t) { return 0.003; }},
      {"irregular", odd, [=](std::size_t i) { return odd(i + 1000); }},
      {"diagonal, unsorted", odd, none},
      {"in blocks", odd, [=](std::size_t i) { return i % 5 == 4 ? 0 : odd(i + 7); }},
      {"hardly joined", odd, [](std::size_t i) { return i % 3 == 0 ? 1e-17 : 1e-9; }},
      {"joined by denormal numbers", odd, [](std::size_t) { return 1e-310; }},
      {"graded", [](std::size_t i) { return std::pow(0.9, double(i)); },
       [](std::size_t i) { return -0.4 * std::pow(0.9, double(i)); }},
      {"graded upwards", [](std::size_t i) { return 1e-30 * std::pow(1.1, double(i)); },
       [](std::size_t i) { return 3e-31 * std::pow(1.1, double(i)); }},
      {"one large", [](std::size_t i) { return i == 0 ? 1.0 : 1e-12; }, [](std::size_t) { return 1e-13; }},
      {"pairs of ties", [](std::size_t i) { return double(i / 2 % 7); }, [](std::size_t) { return 1e-15; }},
  };
}

std::vector<double> numbers(const std::function<double(std::size_t)>& at, std::size_t count) {
  std::vector<double> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(at(i));
  }
  return out;
}

class TridiagonalEigen : public ::testing::Test {
 protected:
  ~TridiagonalEigen() override { linalg::set_threads(1); }
};

TEST_F(TridiagonalEigen, AreLapacks) {
  for (const std::size_t n : {1U, 2U, 3U, 128U, 129U, 257U, 330U}) {
    for (const TridiagonalCase& wanted : tridiagonal_cases()) {
      SCOPED_TRACE(testing::Message() << wanted.name << " of order " << n);
      const std::vector<double> diagonal = numbers(wanted.diagonal, n);
      const std::vector<double> beside = numbers(wanted.beside, n - 1);
      const auto found = TridiagonalPairs::solve(diagonal, beside);
      ASSERT_TRUE(found);
      ASSERT_EQ(found->size(), n);
      EXPECT_TRUE(std::is_sorted(found->values().begin(), found->values().end()));

      std::vector<double> values = diagonal;
      std::vector<double> off = beside;
      ASSERT_EQ(LAPACKE_dsterf(static_cast<lapack_int>(n), values.data(), off.data()), 0);
      const double unit = 4 * double(n) * eps * std::max(std::abs(values.front()), std::abs(values.back()));
      EXPECT_LE(test::largest_difference(found->values(), values), unit);

      Matrix vectors = test::identity(n);  // as rows
      found->to_axes(vectors.view());
      EXPECT_LE(test::orthogonality_error(vectors), 4 * double(n) * eps);
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t i = 0; i < n; ++i) {
          const double image = diagonal[i] * vectors(j, i) + (i > 0 ? beside[i - 1] * vectors(j, i - 1) : 0) +
                               (i + 1 < n ? beside[i] * vectors(j, i + 1) : 0);
          ASSERT_NEAR(image, found->values()[j] * vectors(j, i), unit) << "vector " << j;
        }
      }
      Matrix back = vectors;
      found->to_vectors(back.view());
      EXPECT_LE(test::largest_difference(back.values(), test::identity(n).values()), 8 * double(n) * eps);
    }
  }
}

TEST_F(TridiagonalEigen, SameBitsOnAnyThreads) {
  const TridiagonalCase irregular = tridiagonal_cases()[4];
  const auto values_and_vectors = [&] {
    const auto pairs =
        TridiagonalPairs::solve(numbers(irregular.diagonal, 700), numbers(irregular.beside, 699));
    Matrix rows = test::identity(700);
    pairs->to_vectors(rows.view());
    return std::pair(pairs->values(), std::move(rows));
  };
  linalg::set_threads(1);
  const auto one = values_and_vectors();
  for (const std::size_t threads : {2U, 3U}) {
    linalg::set_threads(threads);
    EXPECT_TRUE(values_and_vectors() == one) << threads << " threads";
  }
}

}  // namespace
}  // namespace collapscope
