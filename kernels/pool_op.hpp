// Samples of several positions to one row each.
#pragma once

#include <cmath>
#include <cstddef>

#include "arguments.hpp"
#include "collapscope/core/rows.hpp"
#include "finite.hpp"
#include "stored.hpp"

namespace collapscope::kernels {

// Where the numbers of whole stored samples lie: position p, channel c of sample s is number
// (s * positions * channels + p * position_step + c * channel_step).
struct SampleShape {
  std::size_t positions;
  std::size_t channels;
  std::size_t position_step;
  std::size_t channel_step;
};

COLLAPSCOPE_HOST_DEVICE inline SampleShape sample_shape(Layout layout, std::size_t positions,
                                                        std::size_t channels) {
  if (layout == Layout::nchw) {
    return {positions, channels, 1, positions};
  }
  return {positions, channels, channels, 1};
}

// Over rows: "row" i is channel i % channels of sample i / channels, whose positions the lanes share.
struct PoolRows {
  StoredNumbers from;
  SampleShape shape;
  Pool pool;  // mean, max, first or last
  std::size_t first_sample;
  DeviceMatrix to;
  FiniteCheck check;

  struct Partial {
    double sum;  // finite unless a number is not, or the sum overflows
    double largest;
  };

  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& a, const Partial& b) {
    return {a.sum + b.sum, a.largest < b.largest ? b.largest : a.largest};
  }

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return to.rows * shape.channels; }
  [[nodiscard]] Traffic traffic() const {
    return {rows() * shape.positions * size_of(from.kind), rows() * sizeof(double)};
  }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t row, std::size_t lane, std::size_t lanes) const {
    constexpr std::size_t batch = 8;
    const std::size_t begin = first_number(row);
    const std::size_t end = begin + shape.positions * shape.position_step;
    const std::size_t step = lanes * shape.position_step;
    Partial total{0, -HUGE_VAL};
    for (std::size_t index = begin + lane * shape.position_step; index < end; index += batch * step) {
      Pack<double, 1> values[batch];
      from.read(index, step, end, values);
      for (const Pack<double, 1>& value : values) {
        total.sum += value.number[0];
      }
      if (pool == Pool::max) {
        for (std::size_t k = 0; k < batch; ++k) {
          const double value = values[k].number[0];
          total.largest = index + k * step < end && total.largest < value ? value : total.largest;
        }
      }
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, const Partial& total) const {
    const std::size_t begin = first_number(row);
    double pooled = total.largest;
    if (pool == Pool::mean) {
      pooled = total.sum / static_cast<double>(shape.positions);
    } else if (pool == Pool::first) {
      pooled = from.number(begin);
    } else if (pool == Pool::last) {
      pooled = from.number(begin + (shape.positions - 1) * shape.position_step);
    }
    to.data[row / shape.channels * to.stride + row % shape.channels] = pooled;
    if (!is_finite(total.sum) && !all_finite(begin)) {
      report_row(check, row / shape.channels);
    }
  }

 private:
  COLLAPSCOPE_HOST_DEVICE std::size_t first_number(std::size_t row) const {
    const std::size_t sample = first_sample + row / shape.channels;
    return sample * shape.positions * shape.channels + row % shape.channels * shape.channel_step;
  }

  COLLAPSCOPE_HOST_DEVICE bool all_finite(std::size_t begin) const {
    for (std::size_t p = 0; p < shape.positions; ++p) {
      if (!is_finite(from.number(begin + p * shape.position_step))) {
        return false;
      }
    }
    return true;
  }
};

}  // namespace collapscope::kernels
