// Operations that threads share out: right, and with the same bits for any number of threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "core/support.hpp"
#include "linalg/blas.hpp"

namespace collapscope {
namespace {

using linalg::Transpose;
using test::eps;
using test::Random;

class SharedLinalg : public ::testing::Test {
 protected:
  ~SharedLinalg() override { linalg::set_threads(1); }

  // What work() gives on one thread, after it has given the same on others.
  static Matrix on_any_threads(const std::function<Matrix()>& work) {
    linalg::set_threads(1);
    const Matrix one = work();
    for (const std::size_t threads : {2U, 3U}) {
      linalg::set_threads(threads);
      EXPECT_TRUE(work() == one) << threads << " threads";
    }
    linalg::set_threads(2);
    const linalg::SingleThread alone;
    EXPECT_TRUE(work() == one) << "beside others";
    return one;
  }

  static Matrix covariance(std::size_t order, std::size_t rows, Random& random) {
    const Matrix x = test::random_matrix(rows, order, random);
    Matrix a = linalg::product(x, Transpose::yes, x, Transpose::no);
    for (std::size_t i = 0; i < order; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        a(i, j) = a(j, i);
      }
    }
    return a;
  }

  Random random_{7};
};

TEST_F(SharedLinalg, ProductsOfAllShapes) {
  struct Shape {
    std::size_t rows, cols, inner;
  };
  for (const auto& [rows, cols, inner] : {Shape{1, 1, 1}, Shape{700, 3, 20'000}, Shape{300, 290, 301},
                                          Shape{2, 3000, 5000}, Shape{513, 640, 129}}) {
    for (const Transpose ta : {Transpose::no, Transpose::yes}) {
      for (const Transpose tb : {Transpose::no, Transpose::yes}) {
        const Matrix a = ta == Transpose::no ? test::random_matrix(rows, inner, random_)
                                             : test::random_matrix(inner, rows, random_);
        const Matrix b = tb == Transpose::no ? test::random_matrix(inner, cols, random_)
                                             : test::random_matrix(cols, inner, random_);
        const Matrix c = on_any_threads([&] { return linalg::product(a, ta, b, tb); });
        for (const std::size_t i : {std::size_t{0}, rows / 2, rows - 1}) {
          for (const std::size_t j : {std::size_t{0}, cols / 3, cols - 1}) {
            double sum = 0;
            for (std::size_t k = 0; k < inner; ++k) {
              sum += (ta == Transpose::no ? a(i, k) : a(k, i)) * (tb == Transpose::no ? b(k, j) : b(j, k));
            }
            EXPECT_NEAR(c(i, j), sum, 64 * eps * static_cast<double>(inner));
          }
        }
      }
    }
  }
}

TEST_F(SharedLinalg, GramsAboveTheDiagonal) {
  for (const std::size_t d : {1U, 40U, 300U, 700U}) {
    const Matrix x = test::random_matrix(900, d, random_);
    const Matrix c = on_any_threads([&] {
      Matrix sum(d, d);
      linalg::add_gram_upper(x.view(), sum.view());
      return sum;
    });
    const Matrix whole = linalg::product(x, Transpose::yes, x, Transpose::no);
    for (std::size_t i = 0; i < d; ++i) {
      for (std::size_t j = 0; j < d; ++j) {
        EXPECT_NEAR(c(i, j), j < i ? 0.0 : whole(i, j), 1e-10);
      }
    }
  }
}

TEST_F(SharedLinalg, SymmetricTimesVectorReadsTheUpperTriangleOnly) {
  for (const std::size_t n : {1U, 5U, 511U, 512U, 513U, 640U, 769U, 1001U}) {
    SCOPED_TRACE(n);
    const Matrix a = test::random_matrix(n, n, random_);
    const Matrix x = test::random_matrix(1, n, random_);
    const Matrix start = test::random_matrix(1, n, random_);
    const Matrix y = on_any_threads([&] {
      Matrix out = start;
      linalg::symv(0.5, a.view(), x.values(), -2.0, out.values());
      return out;
    });
    for (std::size_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < n; ++j) {
        sum += a(std::min(i, j), std::max(i, j)) * x(0, j);
      }
      EXPECT_NEAR(y(0, i), 0.5 * sum - 2 * start(0, i), 64 * eps * static_cast<double>(n));
    }
  }
}

TEST_F(SharedLinalg, WhatIsPositiveDefinite) {
  for (const std::size_t n : {1U, 191U, 192U, 193U, 500U}) {
    SCOPED_TRACE(n);
    Matrix a = covariance(n, 2 * n, random_);
    const auto is_definite = [&] {
      return on_any_threads([&] {
               Matrix room = a;
               return Matrix(1, linalg::is_positive_definite(room.view()) ? 2 : 1);
             }).cols() == 2;
    };
    EXPECT_TRUE(is_definite());
    a(n - 1, n - 1) = -1e-3;
    EXPECT_FALSE(is_definite());
    a(n - 1, n - 1) = test::nan;
    EXPECT_FALSE(is_definite());
  }
}

}  // namespace
}  // namespace collapscope
