// The other triangle of [n, n] matrices.
#pragma once

#include <cstddef>

#include "arguments.hpp"
#include "element.hpp"

namespace collapscope::kernels {

// Over items: upper = lower^T. An item is a 4 x 4 block, so that its rows and its columns fill the 32-byte
// sectors of memory.
struct MirrorLower {
  static constexpr std::size_t edge = 4;

  double* square;
  std::size_t n;

  COLLAPSCOPE_HOST_DEVICE std::size_t count() const { return blocks() * blocks(); }
  [[nodiscard]] Traffic traffic() const { return traffic_of(n * n / 2, n * n / 2); }

  COLLAPSCOPE_HOST_DEVICE void operator()(std::size_t i) const {
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

}  // namespace collapscope::kernels
