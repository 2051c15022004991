// Passes over [n, n] matrices.
#pragma once

#include <cmath>
#include <cstddef>

#include "element.hpp"
#include "finite.hpp"

namespace collapscope::kernels {

// Over items: upper = lower^T. An item is a 4 x 4 block, so that its rows and its columns fill the 32-byte
// sectors of memory.
struct MirrorLower {
  static constexpr std::size_t edge = 4;

  double* square;
  std::size_t n;

  COLLAPSCOPE_HOST_DEVICE std::size_t count() const { return blocks() * blocks(); }

  COLLAPSCOPE_HOST_DEVICE void at(std::size_t i) const {
    const std::size_t row = i / blocks() * edge;
    const std::size_t col = i % blocks() * edge;
    if (col > row) {
      return;
    }
    double values[edge][edge];
    for (std::size_t a = 0; a < edge; ++a) {
      for (std::size_t b = 0; b < edge; ++b) {
        values[a][b] = row + a < n && col + b < row + a ? square[(row + a) * n + col + b] : 0;
      }
    }
    for (std::size_t b = 0; b < edge; ++b) {
      for (std::size_t a = 0; a < edge; ++a) {
        if (row + a < n && col + b < row + a) {
          square[(col + b) * n + row + a] = values[a][b];
        }
      }
    }
  }

 private:
  COLLAPSCOPE_HOST_DEVICE std::size_t blocks() const { return (n + edge - 1) / edge; }
};

// Partial result of a search for the largest of numbers >= 0.
struct Largest {
  double value;
};

COLLAPSCOPE_HOST_DEVICE inline Largest larger(const Largest& a, const Largest& b) {
  return a.value < b.value ? b : a;
}

// Over rows: workspace[i] = max over j of |a_ij - b_ij|, of |a_ij - (i == j)| when b is null; NaN becomes
// Inf.
struct RowDifference {
  const double* a;
  const double* b;
  std::size_t n;
  double* workspace;

  using Partial = Largest;
  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& x, const Partial& y) { return larger(x, y); }
  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return n; }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t row, std::size_t lane, std::size_t lanes) const {
    constexpr std::size_t batch = 4;
    Partial total{0};
    for (std::size_t first = lane; first < n; first += batch * lanes) {
      double differences[batch];
      for (std::size_t k = 0; k < batch; ++k) {
        const std::size_t j = first + k * lanes;
        differences[k] = j < n ? difference(row, j) : 0;
      }
      for (const double value : differences) {
        total = larger(total, {magnitude(value)});
      }
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, const Partial& total) const {
    workspace[row] = total.value;
  }

 private:
  COLLAPSCOPE_HOST_DEVICE double difference(std::size_t i, std::size_t j) const {
    const double identity = i == j ? 1 : 0;
    return a[i * n + j] - (b == nullptr ? identity : b[i * n + j]);
  }

  COLLAPSCOPE_HOST_DEVICE static double magnitude(double value) {
    return is_finite(value) ? fabs(value) : HUGE_VAL;
  }
};

// Over rows, of which there is one: the largest of [n] numbers >= 0.
struct LargestOf {
  const double* from;
  std::size_t n;
  double* largest;

  using Partial = Largest;
  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& x, const Partial& y) { return larger(x, y); }
  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return 1; }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t, std::size_t lane, std::size_t lanes) const {
    Partial total{0};
    for (std::size_t i = lane; i < n; i += lanes) {
      total = larger(total, {from[i]});
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t, const Partial& total) const { *largest = total.value; }
};

}  // namespace collapscope::kernels
