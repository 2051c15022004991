// Stored rows to float64, less a shift and a mean, with the norms of every row on the way.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "arguments.hpp"
#include "finite.hpp"
#include "row_norm.hpp"
#include "stored.hpp"

namespace collapscope::kernels {

// Over rows. With width 2 everything is aligned to pairs and the number of columns is even.
template <std::size_t width>
struct ConvertRows {
  StoredNumbers from;
  const double* shift;  // [cols] or null
  DeviceMatrix to;
  RowStats stats;  // of rows less the shift
  FiniteCheck check;
  const double* mean = nullptr;  // [cols] or null: what `to` has less besides

  // `seen` has the bits of all magnitudes: 0 where all numbers are zeros, so that such rows need no
  // second pass.
  struct Partial {
    double square;
    double shifted_square;
    std::uint64_t seen;
    std::uint64_t shifted_seen;
  };

  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& a, const Partial& b) {
    return {a.square + b.square, a.shifted_square + b.shifted_square, a.seen | b.seen,
            a.shifted_seen | b.shifted_seen};
  }

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return to.rows; }
  [[nodiscard]] Traffic traffic() const {
    const std::size_t shifts = (shift == nullptr ? 0 : 1) + (mean == nullptr ? 0 : 1);
    return {to.rows * to.cols * size_of(from.kind) + shifts * to.cols * sizeof(double),
            to.rows * (to.cols + stats.count()) * sizeof(double)};
  }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t row, std::size_t lane, std::size_t lanes) const {
    constexpr std::size_t batch = 4;
    const std::size_t packs = to.cols / width;
    double* out = to.data + row * to.stride;
    Partial total{0, 0, 0, 0};
    for (std::size_t first = lane; first < packs; first += batch * lanes) {
      Pack<double, width> values[batch];
      from.read(row * packs + first, lanes, row * packs + packs, values);
      for (std::size_t k = 0; k < batch; ++k) {
        const std::size_t index = first + k * lanes;
        if (index < packs) {
          convert(values[k], index, out, total);
        }
      }
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, const Partial& total) const {
    const ShiftedRow plain{from, row * to.cols, to.cols, nullptr};
    const ShiftedRow shifted{from, row * to.cols, to.cols, shift};
    if (!is_finite(total.square) && !all_finite(plain)) {
      report_row(check, row);
    }
    if (stats.norm != nullptr) {
      stats.norm[row * stats.stride] = total.seen == 0 ? 0 : norm_of(plain, total.square);
    }
    if (stats.is_zero != nullptr) {
      stats.is_zero[row * stats.stride] = total.seen == 0 ? 1 : 0;
    }
    if (stats.shifted_norm != nullptr) {
      stats.shifted_norm[row * stats.stride] =
          total.shifted_seen == 0 ? 0 : norm_of(shifted, total.shifted_square);
    }
    if (stats.shifted_square != nullptr) {
      stats.shifted_square[row * stats.stride] = total.shifted_square;
    }
  }

 private:
  COLLAPSCOPE_HOST_DEVICE void convert(Pack<double, width> values, std::size_t index, double* out,
                                       Partial& total) const {
    for (std::size_t j = 0; j < width; ++j) {
      total.square += values.number[j] * values.number[j];
      total.seen |= magnitude_bits(values.number[j]);
    }
    if (shift != nullptr) {
      const auto less = load_pack<double, width>(shift, index);
      for (std::size_t j = 0; j < width; ++j) {
        values.number[j] -= less.number[j];
      }
    }
    for (std::size_t j = 0; j < width; ++j) {
      total.shifted_square += values.number[j] * values.number[j];
      total.shifted_seen |= magnitude_bits(values.number[j]);
    }
    if (mean != nullptr) {
      const auto less = load_pack<double, width>(mean, index);
      for (std::size_t j = 0; j < width; ++j) {
        values.number[j] -= less.number[j];
      }
    }
    store_pack(out, index, values);
  }
};

}  // namespace collapscope::kernels
