// Every position a row, of samples that are stored channel by channel.
#pragma once

#include <cstddef>

#include "arguments.hpp"
#include "finite.hpp"
#include "stored.hpp"

namespace collapscope::kernels {

// Over columns: the channels. A chunk is a block of positions of one sample, so that a thread reads what lies
// together in memory and neighbouring threads write what lies together.
struct PositionRows {
  static constexpr std::size_t block = 16;

  StoredNumbers from;  // whole samples
  std::size_t positions;
  std::size_t skip_rows;
  DeviceMatrix to;
  FiniteCheck check;

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return to.cols; }

  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const {
    if (to.rows == 0) {
      return 0;
    }
    return ((skip_rows + to.rows - 1) / positions - skip_rows / positions + 1) * blocks();
  }

  [[nodiscard]] Traffic traffic() const {
    return {to.rows * to.cols * size_of(from.kind), to.rows * to.cols * sizeof(double)};
  }

  COLLAPSCOPE_HOST_DEVICE void at(std::size_t channel, std::size_t chunk) const {
    constexpr std::size_t batch = 8;
    const std::size_t sample = skip_rows / positions + chunk / blocks();
    const std::size_t begin = (sample * to.cols + channel) * positions;
    const std::size_t block_begin = chunk % blocks() * block;
    std::size_t not_finite = to.rows;
    for (std::size_t p = block_begin; p < block_begin + block; p += batch) {
      Pack<double, 1> values[batch];
      from.read(begin + p, 1, begin + positions, values);
      for (std::size_t k = 0; k < batch; ++k) {
        const std::size_t row = sample * positions + p + k - skip_rows;  // skipped rows wrap to huge numbers
        const double value = values[k].number[0];
        if (p + k < positions && row < to.rows) {
          to.data[row * to.stride + channel] = value;
          not_finite = is_finite(value) ? not_finite : row;
        }
      }
    }
    if (not_finite < to.rows) {
      report_row(check, not_finite);
    }
  }

 private:
  COLLAPSCOPE_HOST_DEVICE std::size_t blocks() const { return (positions + block - 1) / block; }
};

}  // namespace collapscope::kernels
