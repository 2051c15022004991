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

  // `seen` has bits of all numbers: 0 where all are zeros, so that such rows need no second pass.
  struct Partial {
    double square;
    double shifted_square;
    std::uint32_t seen;
    std::uint32_t shifted_seen;
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

  // Of a row that is one batch; longer ones ask for their next one themselves. Memory takes longer than the
  // work.
  COLLAPSCOPE_HOST_DEVICE void ahead(std::size_t row, unsigned lane, unsigned lanes) const {
    const auto packs = static_cast<unsigned>(to.cols / width);
    if (packs <= batch * lanes && row < to.rows && batch * lane < packs) {
      from.template ask_for<width>(row * packs + batch * lane);
    }
  }

  // What is asked of all threads alike is asked once a row.
  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t row, std::size_t lane, std::size_t lanes) const {
    const auto first = static_cast<unsigned>(lane);
    const auto step = static_cast<unsigned>(lanes);
    if (shift == nullptr) {
      return mean == nullptr ? slice_of<false, false>(row, first, step)
                             : slice_of<false, true>(row, first, step);
    }
    return mean == nullptr ? slice_of<true, false>(row, first, step) : slice_of<true, true>(row, first, step);
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, const Partial& total) const {
    const ShiftedRow plain{from, row * to.cols, to.cols, nullptr};
    const ShiftedRow shifted{from, row * to.cols, to.cols, shift};
    if (!is_finite(total.square) && !all_finite(plain)) {
      report_row(check, row);
    }
    if (stats.norm != nullptr) {
      stats.norm[row] = total.seen == 0 ? 0 : norm_of(plain, total.square);
    }
    if (stats.is_zero != nullptr) {
      stats.is_zero[row] = total.seen == 0 ? 1 : 0;
    }
    if (stats.shifted_norm != nullptr) {
      stats.shifted_norm[row] = total.shifted_seen == 0 ? 0 : norm_of(shifted, total.shifted_square);
    }
    if (stats.shifted_square != nullptr) {
      stats.shifted_square[row] = total.shifted_square;
    }
  }

 private:
  static constexpr unsigned batch = 4;  // packs of a thread that are under way together

  template <bool has_shift, bool has_mean>
  COLLAPSCOPE_HOST_DEVICE Partial slice_of(std::size_t row, unsigned lane, unsigned lanes) const {
    const auto packs = static_cast<unsigned>(to.cols / width);
    double* const out = to.data + row * to.stride;
    Partial total{0, 0, 0, 0};
    for (unsigned first = lane; first < packs; first += batch * lanes) {
      Pack<double, width> values[batch];
      // A thread's part of the next batch, all of whose threads ask for all of it.
      if (const unsigned next = first + batch * lanes + (batch - 1) * lane; next < packs) {
        from.template ask_for<width>(row * packs + next);
      }
      from.read_of(row * packs, first, lanes, packs, values);
      for (unsigned k = 0; k < batch; ++k) {
        const unsigned index = first + k * lanes;
        if (index < packs) {
          add(values[k], total.square, total.seen);
          if constexpr (has_shift) {
            subtract(values[k], load_pack<double, width>(shift, index));
            add(values[k], total.shifted_square, total.shifted_seen);
          }
          if constexpr (has_mean) {
            subtract(values[k], load_pack<double, width>(mean, index));
          }
          store_pack(out, index, values[k]);
        }
      }
    }
    if constexpr (!has_shift) {
      total.shifted_square = total.square;
      total.shifted_seen = total.seen;
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE static void add(const Pack<double, width>& values, double& square,
                                          std::uint32_t& seen) {
    for (std::size_t j = 0; j < width; ++j) {
      square += values.number[j] * values.number[j];
      const std::uint64_t bits = magnitude_bits(values.number[j]);
      seen |= static_cast<std::uint32_t>(bits >> 32U) | static_cast<std::uint32_t>(bits);
    }
  }

  COLLAPSCOPE_HOST_DEVICE static void subtract(Pack<double, width>& values, const Pack<double, width>& less) {
    for (std::size_t j = 0; j < width; ++j) {
      values.number[j] -= less.number[j];
    }
  }
};

}  // namespace collapscope::kernels
