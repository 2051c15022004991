#include "eigen.hpp"

#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "blas.hpp"
#include "ledger.hpp"
#include "options.hpp"

namespace fake_cuda {

namespace {

lapack_int lapack_syevd(char job, char triangle, lapack_int n, double* a, lapack_int lda, double* w) {
  return LAPACKE_dsyevd(LAPACK_COL_MAJOR, job, triangle, n, a, lda, w);
}

lapack_int lapack_syevd(char job, char triangle, lapack_int n, float* a, lapack_int lda, float* w) {
  return LAPACKE_ssyevd(LAPACK_COL_MAJOR, job, triangle, n, a, lda, w);
}

// Whether this solution is one to falsify.
EigenLie next_lie() {
  static long solutions = 0;
  const Options& o = options();
  solutions = ledger().of_call["eigen solutions"] += 1;
  const bool now = solutions == o.eigen_at || (o.eigen_forever && solutions > o.eigen_at);
  return now ? o.eigen : EigenLie::none;
}

template <class Real>
struct Solution {
  Real* a;
  Real* w;
  std::size_t n;
  std::size_t stride;
  std::size_t wanted;

  Real* vector(std::size_t i) { return a + i * stride; }
};

template <class Real>
void falsify(Solution<Real>& s, EigenLie lie) {
  const std::size_t last = s.wanted - 1;
  const std::size_t other = last == 0 ? 0 : last - 1;
  switch (lie) {
    case EigenLie::nan:
      s.vector(last)[s.n / 2] = std::numeric_limits<Real>::quiet_NaN();
      break;
    case EigenLie::bitflip: {  // in the largest element: the top bit of its fraction
      Real* largest = std::max_element(s.vector(last), s.vector(last) + s.n,
                                       [](Real a, Real b) { return std::abs(a) < std::abs(b); });
      std::byte bytes[sizeof(Real)];
      std::memcpy(bytes, largest, sizeof bytes);
      bytes[sizeof(Real) - 2] ^= sizeof(Real) == 8 ? std::byte{0x08} : std::byte{0x40};
      std::memcpy(largest, bytes, sizeof bytes);
      break;
    }
    case EigenLie::unsorted:
      std::swap(s.w[last], s.w[0]);
      std::swap_ranges(s.vector(last), s.vector(last) + s.n, s.vector(0));
      break;
    case EigenLie::nonorthogonal:  // one pair twice: every residual is small
      s.w[other] = s.w[last];
      std::copy_n(s.vector(last), s.n, s.vector(other));
      break;
    default:
      break;
  }
}

template <class Real>
void fill_nan(Real* values, std::size_t n) {
  std::memset(static_cast<void*>(values), 0xFF, n * sizeof(Real));
}

template <class Real>
bool is_finite(const Solution<Real>& s, bool lower) {
  for (std::size_t j = 0; j < s.n; ++j) {
    const Real* column = s.a + j * s.stride;
    if (!std::all_of(column + (lower ? j : 0), column + (lower ? s.n : j + 1),
                     [](Real x) { return std::isfinite(x); })) {
      return false;
    }
  }
  return true;
}

// `skip`: smaller pairs than the wanted ones.
template <class Real>
int solve(const EigenTask& task, std::size_t skip, Solution<Real>& s) {
  const OneBlasThread one;
  // LAPACK would hang or refuse; cuSOLVER answers with NaN.
  if (!is_finite(s, task.lower)) {
    fill_nan(s.w, s.n);
    for (std::size_t j = 0; j < s.n; ++j) {
      fill_nan(s.vector(j), s.n);
    }
    return 0;
  }
  const int info = lapack_syevd(task.vectors ? 'V' : 'N', task.lower ? 'L' : 'U',
                                static_cast<lapack_int>(s.n), s.a, static_cast<lapack_int>(s.stride), s.w);
  // The wanted ones come first; what is beyond them is anything.
  std::copy(s.w + skip, s.w + skip + s.wanted, s.w);
  fill_nan(s.w + s.wanted, s.n - s.wanted);
  for (std::size_t j = 0; j < s.n; ++j) {
    if (task.vectors && j < s.wanted) {
      std::copy_n(s.vector(j + skip), s.n, s.vector(j));
    } else {
      fill_nan(s.vector(j), s.n);
    }
  }
  return info;
}

template <class Real>
void run(const EigenTask& task) {
  Solution<Real> s{static_cast<Real*>(task.a), static_cast<Real*>(task.w), static_cast<std::size_t>(task.n),
                   static_cast<std::size_t>(task.stride),
                   static_cast<std::size_t>(task.last - task.first + 1)};
  *task.info = 0;
  if (s.n == 0) {
    return;
  }
  const EigenLie lie = next_lie();
  const auto skip = static_cast<std::size_t>(task.first - 1);
  *task.info = solve(task, lie == EigenLie::missed && skip > 0 ? skip - 1 : skip, s);
  if (lie == EigenLie::positive_info || lie == EigenLie::negative_info) {
    *task.info = lie == EigenLie::positive_info ? 1 : -5;
    fill_nan(s.w, s.n);
  } else if (task.vectors) {
    falsify(s, lie);
  }
}

}  // namespace

void run_eigen(const EigenTask& task) {
  if (task.is_double) {
    run<double>(task);
  } else {
    run<float>(task);
  }
}

int run_cholesky(double* a, std::int64_t n, std::int64_t stride, bool lower) {
  const OneBlasThread one;
  return LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, lower ? 'L' : 'U', static_cast<lapack_int>(n), a,
                             static_cast<lapack_int>(stride));
}

}  // namespace fake_cuda
