// What stands beside rows: their targets less a shift, and columns that sums of products want.
#pragma once

#include <cstddef>

#include "arguments.hpp"
#include "element.hpp"

namespace collapscope::kernels {

// Over rows. The columns of `to`: y - shift [n], |h - shift|^2, |y - shift|^2, 1, |h|, whether h is 0. A row
// is written whole, by as many lanes as it has columns.
struct BesideRows {
  const double* y;  // [rows, n] back to back
  std::size_t n;
  const double* shift;  // [n]
  RowStats stats;       // of h
  DeviceMatrix to;      // [rows, n + 5]

  struct Partial {
    double square;
  };

  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& a, const Partial& b) {
    return {a.square + b.square};
  }

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return to.rows; }
  [[nodiscard]] Traffic traffic() const {
    return traffic_of(to.rows * (n + stats.count()) + n, to.rows * to.cols);
  }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t row, std::size_t lane, std::size_t lanes) const {
    double* const out = to.data + row * to.stride;
    Partial total{0};
    for (std::size_t j = lane; j < to.cols; j += lanes) {
      if (j < n) {
        const double value = y[row * n + j] - shift[j];
        out[j] = value;
        total.square += value * value;
      } else if (j != n + 1) {
        const double* const column = j == n ? stats.shifted_square : j == n + 3 ? stats.norm : stats.is_zero;
        out[j] = j == n + 2 ? 1 : column[row];
      }
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, const Partial& total) const {
    to.data[row * to.stride + n + 1] = total.square;
  }
};

}  // namespace collapscope::kernels
