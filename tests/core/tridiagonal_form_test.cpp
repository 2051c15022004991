// Reductions to tridiagonal form, in one step and in two: Q T Q^T is the matrix, for every order around the
// width of the band and its multiples, and for matrices that are diagonal, banded, of low rank or graded.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "core/support.hpp"
#include "linalg/band_form.hpp"
#include "linalg/blas.hpp"
#include "linalg/bulge_chasing.hpp"
#include "linalg/coordinates.hpp"
#include "linalg/decompose.hpp"
#include "linalg/reflectors.hpp"

namespace collapscope {
namespace {

using linalg::band_width;
using linalg::TridiagonalForm;
using test::eps;
using test::Random;

TridiagonalForm in_two_steps(Matrix symmetric) {
  Matrix blocks = linalg::reduce_to_band(symmetric.view());
  linalg::Tridiagonal t = linalg::chase_bulges(symmetric.view());
  return {std::move(t), linalg::Reflectors(std::move(symmetric), std::move(blocks))};
}

TridiagonalForm as_it_comes(Matrix symmetric) {
  return linalg::tridiagonal_form(std::move(symmetric)).value();
}

Matrix of_tridiagonal(const linalg::Tridiagonal& t) {
  const std::size_t n = t.diagonal.size();
  Matrix out(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    out(i, i) = t.diagonal[i];
    if (i + 1 < n) {
      out(i, i + 1) = out(i + 1, i) = t.beside[i];
    }
  }
  return out;
}

// Q T Q^T: rows of T become those of T Q^T, and rows of its transpose Q T those of Q T Q^T.
Matrix multiplied_out(const TridiagonalForm& form) {
  Matrix rows = of_tridiagonal(form.t);
  form.q.apply(rows);
  rows = linalg::transposed(rows);
  form.q.apply(rows);
  return rows;
}

class TridiagonalForms : public ::testing::Test {
 protected:
  ~TridiagonalForms() override { linalg::set_threads(1); }

  // Symmetric, of norm near 1.
  Matrix symmetric(std::size_t n, const std::function<double(std::size_t, std::size_t)>& number) {
    Matrix a(n, n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        a(i, j) = a(j, i) = number(i, j);
      }
    }
    const double norm = linalg::frobenius(a.values());
    for (double& value : a.values()) {
      value /= norm > 0 ? norm : 1;
    }
    return a;
  }

  Matrix random_symmetric(std::size_t n) {
    return symmetric(n, [&](std::size_t, std::size_t) { return random_.normal(); });
  }

  // The form, and that it has the same bits for any number of threads.
  static TridiagonalForm on_any_threads(const std::function<TridiagonalForm()>& reduce) {
    linalg::set_threads(1);
    TridiagonalForm one = reduce();
    for (const std::size_t threads : {2U, 3U, 7U}) {
      linalg::set_threads(threads);
      const TridiagonalForm again = reduce();
      EXPECT_EQ(again.t.diagonal, one.t.diagonal) << threads << " threads";
      EXPECT_EQ(again.t.beside, one.t.beside) << threads << " threads";
    }
    return one;
  }

  void expect_reduced(const Matrix& a, const std::function<TridiagonalForm(Matrix)>& reduce) {
    const std::size_t n = a.rows();
    const TridiagonalForm form = on_any_threads([&] { return reduce(a); });
    EXPECT_LE(test::largest_difference(multiplied_out(form).values(), a.values()),
              8 * eps * std::sqrt(double(n)));
    Matrix there = test::random_matrix(11, n, random_);
    const Matrix before = there;
    form.q.apply(there);
    EXPECT_GT(test::largest_difference(there.values(), before.values()),
              n > 2 && a(0, n - 1) != 0 ? 1e-3 : -1);
    form.q.apply_transposed(there);
    EXPECT_LE(test::largest_difference(there.values(), before.values()), 64 * eps * std::sqrt(double(n)));
  }

  Random random_{7};
};

TEST_F(TridiagonalForms, OfOneStepAndOfTwoAsTheOrderHasIt) {
  for (const std::size_t n : {1U, 2U, 33U, 450U, 767U, 768U, 800U}) {
    SCOPED_TRACE(n);
    expect_reduced(random_symmetric(n), as_it_comes);
  }
}

TEST_F(TridiagonalForms, OfTwoStepsOfAnyOrder) {
  for (const std::size_t n :
       {33U, 34U, 47U, 63U, 64U, 65U, 66U, 95U, 96U, 97U, 98U, 130U, 257U, 290U, 545U}) {
    SCOPED_TRACE(n);
    expect_reduced(random_symmetric(n), in_two_steps);
  }
}

TEST_F(TridiagonalForms, OfTwoStepsOfSpecialMatrices) {
  constexpr std::size_t n = 300;
  const auto number = [](std::size_t i) { return std::sin(double(i + 1) * double(i + 1)); };
  const std::vector<std::pair<std::string, std::function<double(std::size_t, std::size_t)>>> kinds{
      {"zero", [](std::size_t, std::size_t) { return 0.0; }},
      {"diagonal", [&](std::size_t i, std::size_t j) { return i == j ? number(i) : 0; }},
      {"identity", [&](std::size_t i, std::size_t j) { return i == j ? 1.0 : 0; }},
      {"tridiagonal", [&](std::size_t i, std::size_t j) { return i <= j + 1 ? number(i + 3 * j) : 0; }},
      {"band", [&](std::size_t i, std::size_t j) { return i <= j + band_width ? number(i + 7 * j) : 0; }},
      {"band and one",
       [&](std::size_t i, std::size_t j) { return i <= j + band_width + 1 ? number(i + j) : 0; }},
      {"rank one", [&](std::size_t i, std::size_t j) { return number(i) * number(j); }},
      {"two blocks",
       [&](std::size_t i, std::size_t j) { return (i < 100) == (j < 100) ? number(i + j) : 0; }},
      {"last row", [&](std::size_t i, std::size_t j) { return i == n - 1 || i == j ? number(i + j) : 0; }},
      {"graded", [&](std::size_t i, std::size_t j) { return number(i + j) * std::exp2(-double(i + j)); }},
      {"graded upwards",
       [&](std::size_t i, std::size_t j) { return number(i + j) * std::exp2(double(i + j) - 600); }},
      {"graded beyond squares",
       [&](std::size_t i, std::size_t j) { return number(i + j) * std::exp2(-3.4 * double(i + j)); }},
  };
  for (const auto& [name, kind] : kinds) {
    SCOPED_TRACE(name);
    expect_reduced(symmetric(n, kind), in_two_steps);
  }
}

TEST_F(TridiagonalForms, ReflectorsKeepRowsOfAnotherOrderOut) {
  const TridiagonalForm form = in_two_steps(random_symmetric(40));
  Matrix rows(2, 41);
  EXPECT_THROW(form.q.apply(rows), UsageError);
}

}  // namespace
}  // namespace collapscope
