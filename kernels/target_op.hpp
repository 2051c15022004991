// Rows of targets, less a shift, beside other columns, with their squared lengths and ones.
#pragma once

#include <cstddef>

#include "arguments.hpp"
#include "element.hpp"

namespace collapscope::kernels {

// Over rows.
struct TargetRows {
  const double* y;  // [rows, n] back to back
  std::size_t n;
  const double* shift;  // [n]
  DeviceMatrix to;
  double* square;
  std::size_t square_stride;
  double* one = nullptr;  // likewise, gets 1

  struct Partial {
    double square;
  };

  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& a, const Partial& b) {
    return {a.square + b.square};
  }

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return to.rows; }
  [[nodiscard]] Traffic traffic() const {
    return traffic_of(to.rows * n + n,
                      to.rows * (n + (square == nullptr ? 0 : 1) + (one == nullptr ? 0 : 1)));
  }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t row, std::size_t lane, std::size_t lanes) const {
    Partial total{0};
    for (std::size_t j = lane; j < n; j += lanes) {
      const double value = shift == nullptr ? y[row * n + j] : y[row * n + j] - shift[j];
      to.data[row * to.stride + j] = value;
      total.square += value * value;
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, const Partial& total) const {
    if (square != nullptr) {
      square[row * square_stride] = total.square;
    }
    if (one != nullptr) {
      one[row * square_stride] = 1;
    }
  }
};

}  // namespace collapscope::kernels
