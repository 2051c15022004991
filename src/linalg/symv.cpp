// The product of a symmetric matrix with a vector. It costs what reading half the matrix costs, so that each
// number is read once and used for both of its places.
#include <cblas.h>

#include <algorithm>
#include <vector>

#include "collapscope/core/error.hpp"
#include "linalg/blas.hpp"
#include "linalg/blas_size.hpp"

namespace collapscope::linalg {

namespace {

// Below, the matrix fits a cache, and one call of the BLAS is quicker.
constexpr std::size_t least_shared_order = 512;
constexpr std::size_t strip = 128;  // rows of the upper triangle that a thread takes at a time

// Of four rows of a strip, from column `first` on: sums[k] += a_k^T x, y += sum over k of c_k a_k.
struct FourRows {
  const double* a[4];
  const double* x;
  double* y;
  std::size_t count;
  double c[4];
  double sums[4];
};

// Eight chains of sums, so that they do not wait for one another, whatever the instructions.
[[gnu::always_inline]] inline void add_four(FourRows& f) {
  constexpr std::size_t chains = 8;
  double sums[4][chains] = {};
  const double* const a0 = f.a[0];
  const double* const a1 = f.a[1];
  const double* const a2 = f.a[2];
  const double* const a3 = f.a[3];
  const double* const x = f.x;
  double* const y = f.y;
  std::size_t j = 0;
  for (; j + chains <= f.count; j += chains) {
    for (std::size_t i = 0; i < chains; ++i) {
      const double at = x[j + i];
      sums[0][i] += a0[j + i] * at;
      sums[1][i] += a1[j + i] * at;
      sums[2][i] += a2[j + i] * at;
      sums[3][i] += a3[j + i] * at;
      y[j + i] += (a0[j + i] * f.c[0] + a1[j + i] * f.c[1]) + (a2[j + i] * f.c[2] + a3[j + i] * f.c[3]);
    }
  }
  for (; j < f.count; ++j) {
    for (std::size_t k = 0; k < 4; ++k) {
      sums[k][0] += f.a[k][j] * x[j];
      y[j] += f.a[k][j] * f.c[k];
    }
  }
  for (std::size_t k = 0; k < 4; ++k) {
    for (const double sum : sums[k]) {
      f.sums[k] += sum;
    }
  }
}

// What the four rows give where they meet the diagonal.
void add_triangle(const FourRows& f, const double* x, double* y) {
  for (std::size_t i = 0; i < 4; ++i) {
    y[i] += f.a[i][i] * x[i];
    for (std::size_t j = i + 1; j < 4; ++j) {
      y[i] += f.a[i][j] * x[j];
      y[j] += f.a[i][j] * x[i];
    }
  }
}

using AddFour = void (*)(FourRows&);

void add_four_plainly(FourRows& f) { add_four(f); }

#if defined(__x86_64__)
[[gnu::target("avx2")]] void add_four_by_avx2(FourRows& f) { add_four(f); }
[[gnu::target("avx512f")]] void add_four_by_avx512(FourRows& f) { add_four(f); }
#endif

AddFour best_add_four() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    return add_four_by_avx512;
  }
  if (__builtin_cpu_supports("avx2")) {
    return add_four_by_avx2;
  }
#endif
  return add_four_plainly;
}

// y [n] = what rows [first, last) of the upper triangle give: themselves, and what they are below the
// diagonal.
void multiply_strip(MatrixView<const double> a, const double* x, std::size_t first, std::size_t last,
                    double* y) {
  static const AddFour add = best_add_four();
  const std::size_t n = a.cols();
  std::fill(y + first, y + n, 0.0);
  std::size_t i = first;
  for (; i + 4 <= last; i += 4) {
    const std::size_t right = i + 4;
    FourRows four{{&a(i, i), &a(i + 1, i), &a(i + 2, i), &a(i + 3, i)},
                  x + right,
                  y + right,
                  n - right,
                  {x[i], x[i + 1], x[i + 2], x[i + 3]},
                  {}};
    add_triangle(four, x + i, y + i);
    for (const double*& row : four.a) {
      row += 4;
    }
    add(four);
    for (std::size_t k = 0; k < 4; ++k) {
      y[i + k] += four.sums[k];
    }
  }
  for (; i < last; ++i) {  // at most three
    y[i] += a(i, i) * x[i];
    for (std::size_t j = i + 1; j < n; ++j) {
      y[i] += a(i, j) * x[j];
      y[j] += a(i, j) * x[i];
    }
  }
}

}  // namespace

void symv(double alpha, MatrixView<const double> a, std::span<const double> x, double beta,
          std::span<double> y) {
  const std::size_t n = a.rows();
  if (n != a.cols() || x.size() != n || y.size() != n) {
    throw UsageError("symv: the shapes do not fit");
  }
  if (n < least_shared_order) {
    if (n == 0) {
      return;
    }
    cblas_dsymv(CblasRowMajor, CblasUpper, narrow(n), alpha, a.data(), narrow(a.stride()), x.data(), 1, beta,
                y.data(), 1);
    return;
  }
  const std::size_t strips = (n + strip - 1) / strip;
  static thread_local std::vector<double> partial;
  partial.resize(strips * n);
  double* const sums = partial.data();
  share(strips, [&](std::size_t s) {
    multiply_strip(a, x.data(), s * strip, std::min((s + 1) * strip, n), sums + s * n);
  });
  for (std::size_t s = 1; s < strips; ++s) {
    for (std::size_t j = s * strip; j < n; ++j) {
      sums[j] += sums[s * n + j];
    }
  }
  for (std::size_t j = 0; j < n; ++j) {
    y[j] = alpha * sums[j] + (beta == 0 ? 0 : beta * y[j]);
  }
}

}  // namespace collapscope::linalg
