// Small dense helpers for sizes where a BLAS call would not pay.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

#include "collapscope/core/matrix.hpp"

namespace collapscope {

using Vector = std::vector<double>;

// Calls work(0) ... work(blocks - 1), on as many threads as there are for it; empty: on this one.
using Sharing = std::function<void(std::size_t blocks, const std::function<void(std::size_t)>& work)>;

inline double dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// |a - b|^2
inline double square_of_distance(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    sum += (a[j] - b[j]) * (a[j] - b[j]);
  }
  return sum;
}

// to += scale * from
inline void add_scaled(Vector& to, double scale, const Vector& from) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] += scale * from[i];
  }
}

// The products of a's rows with with(i) each, four rows side by side: a sum waits for the addition before.
template <class With>
Vector row_products(const Matrix& a, const With& with, const Sharing& sharing = {}) {
  constexpr std::size_t beside = 4;
  Vector out(a.rows(), 0.0);
  const auto multiply = [&](std::size_t first) {
    const std::size_t some = std::min(beside, a.rows() - first);
    const double* rows[beside];
    const double* others[beside];
    double sums[beside] = {};
    for (std::size_t i = 0; i < beside; ++i) {
      const std::size_t row = first + std::min(i, some - 1);
      rows[i] = a.data() + row * a.cols();
      others[i] = with(row).data();
    }
    for (std::size_t j = 0; j < a.cols(); ++j) {
      for (std::size_t i = 0; i < beside; ++i) {
        sums[i] += rows[i][j] * others[i][j];
      }
    }
    std::copy_n(sums, some, out.begin() + static_cast<std::ptrdiff_t>(first));
  };
  constexpr std::size_t of_block = 16 * beside;
  const auto multiply_block = [&](std::size_t block) {
    const std::size_t end = std::min((block + 1) * of_block, a.rows());
    for (std::size_t first = block * of_block; first < end; first += beside) {
      multiply(first);
    }
  };
  constexpr std::size_t least_shared = std::size_t{1} << 18U;  // numbers: below, threads wake up for little
  const std::size_t blocks = (a.rows() + of_block - 1) / of_block;
  if (sharing && a.rows() * a.cols() >= least_shared) {
    sharing(blocks, multiply_block);
    return out;
  }
  for (std::size_t block = 0; block < blocks; ++block) {
    multiply_block(block);
  }
  return out;
}

// a v, a [r, c], v [c].
inline Vector product(const Matrix& a, const Vector& v, const Sharing& sharing = {}) {
  return row_products(
      a, [&](std::size_t) -> const Vector& { return v; }, sharing);
}

// a^T v, a [r, c], v [r].
inline Vector transposed_product(const Matrix& a, const Vector& v) {
  Vector out(a.cols(), 0.0);
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.cols(); ++j) {
      out[j] += a(i, j) * v[i];
    }
  }
  return out;
}

inline double trace(const Matrix& a) {
  double sum = 0;
  for (std::size_t i = 0; i < a.rows(); ++i) {
    sum += a(i, i);
  }
  return sum;
}

// a += scale * u v^T; exactly symmetric when u is v.
inline void add_outer(Matrix& a, double scale, const Vector& u, const Vector& v) {
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.cols(); ++j) {
      a(i, j) += scale * (u[i] * v[j]);
    }
  }
}

}  // namespace collapscope
