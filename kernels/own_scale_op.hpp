// Rows that need their own scale: on a device they take the place of their centred selves.
#pragma once

#include <cmath>
#include <cstddef>

#include "arguments.hpp"
#include "element.hpp"
#include "own_scale.hpp"
#include "stored.hpp"

namespace collapscope::kernels {

// Over rows, whose |h| and |h - mean| a row pass has left. A row that needs it becomes h times the power of
// two that brings its norm near 1, its `norm` that norm, its `unscale` the power of two that takes it back.
// Other rows stay, their `unscale` becomes 0.
struct OwnScaleRows {
  StoredNumbers from;
  DeviceMatrix to;
  double* norm;
  const double* centred_norm;
  double* unscale;

  struct Partial {
    double square;
  };

  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& a, const Partial& b) {
    return {a.square + b.square};
  }

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return to.rows; }
  [[nodiscard]] Traffic traffic() const { return traffic_of(2 * to.rows, 2 * to.rows); }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t row, std::size_t lane, std::size_t lanes) const {
    Partial total{0};
    const double length = norm[row];
    if (!needs_own_scale(length, centred_norm[row])) {
      return total;
    }
    const int exponent = ilogb(length);
    for (std::size_t j = lane; j < to.cols; j += lanes) {
      const double value = scalbn(from.number(row * to.cols + j), -exponent);
      to.data[row * to.stride + j] = value;
      total.square += value * value;
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, const Partial& total) const {
    const double length = norm[row];
    const bool own = needs_own_scale(length, centred_norm[row]);
    unscale[row] = own ? scalbn(1.0, ilogb(length)) : 0;
    norm[row] = own ? sqrt(total.square) : length;
  }
};

}  // namespace collapscope::kernels
