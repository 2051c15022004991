// Samples of several positions to one row each.
#pragma once

#include <cmath>
#include <cstddef>

#include "arguments.hpp"
#include "collapscope/rows.hpp"
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

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t row, std::size_t lane, std::size_t lanes) const {
    constexpr std::size_t batch = 8;
    const std::size_t begin = first_number(row);
    const std::size_t end = begin + shape.positions * shape.position_step;
    const std::size_t step = lanes * shape.position_step;
    Partial total{0, -HUGE_VAL};
    for (std::size_t index = begin + lane * shape.position_step; index < end; index += batch * step) {
      Pack<double, 1> values[batch];
      from.read(index, step, end, values);
      for (std::size_t k = 0; k < batch; ++k) {
        total.sum += values[k].number[0];
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

// Every position a row, of samples that are stored channel by channel. Over columns: the channels; a chunk
// is a block of positions of one sample, so that a thread reads what lies together in memory and
// neighbouring threads write what lies together.
struct PositionRows {
  static constexpr std::size_t block = 16;

  StoredNumbers from;
  std::size_t positions;
  std::size_t skip_rows;
  DeviceMatrix to;
  FiniteCheck check;

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return to.cols; }

  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const {
    if (to.rows == 0) {
      return 0;
    }
    const std::size_t last_sample = (skip_rows + to.rows - 1) / positions;
    return (last_sample + 1 - skip_rows / positions) * blocks();
  }

  COLLAPSCOPE_HOST_DEVICE void at(std::size_t channel, std::size_t chunk) const {
    constexpr std::size_t batch = 8;
    const std::size_t sample = skip_rows / positions + chunk / blocks();
    const std::size_t begin = (sample * to.cols + channel) * positions;
    const std::size_t block_begin = chunk % blocks() * block;
    for (std::size_t p = block_begin; p < block_begin + block; p += batch) {
      Pack<double, 1> values[batch];
      from.read(begin + p, 1, begin + positions, values);
      for (std::size_t k = 0; k < batch; ++k) {
        if (p + k < positions) {
          put(sample * positions + p + k, channel, values[k].number[0]);
        }
      }
    }
  }

 private:
  COLLAPSCOPE_HOST_DEVICE std::size_t blocks() const { return (positions + block - 1) / block; }

  // `row` counts from the first stored sample; those before and after `to` are only checked.
  COLLAPSCOPE_HOST_DEVICE void put(std::size_t row, std::size_t channel, double value) const {
    const bool wanted = row >= skip_rows && row - skip_rows < to.rows;
    if (wanted) {
      to.data[(row - skip_rows) * to.stride + channel] = value;
    }
    if (!is_finite(value)) {
      const std::size_t of_sample = row < skip_rows ? 0 : to.rows - 1;
      report_row(check, wanted ? row - skip_rows : of_sample);
    }
  }
};

}  // namespace collapscope::kernels
