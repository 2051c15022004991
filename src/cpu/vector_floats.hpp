// Bodies of the float32 product kernels: packing as floats, and x^T x of packed floats. Included once per
// instruction set.
#pragma once

#include "cpu/vector_lanes.hpp"

namespace collapscope::cpu {

// One panel is one vector of floats wide, as many bytes as a vector of doubles.
template <class Target>
inline constexpr std::size_t float_panel = 2 * Target::width;

template <class Target>
using Singles = typename Lanes<float_panel<Target>>::Floats;

template <class Target>
void narrow(const NarrowTask& task) {
  constexpr std::size_t width = Target::width;
  constexpr std::size_t panel = float_panel<Target>;
  for (std::size_t column = 0; column < task.columns; column += width) {
    const double* from = task.from + column;
    float* to = task.to + column / panel * panel * panel_rows + column % panel;
    Doubles<Target> squares[2] = {};  // of even and odd rows: two chains
    const auto take = [&](std::size_t row, Doubles<Target>& sum) {
      const Doubles<Target> x = load<Target>(from + row * task.stride) / task.divisors[row];
      sum += x * x;
      const auto single = narrowed<Target>(x);
      std::memcpy(to + row * panel, &single, sizeof single);
    };
    std::size_t row = 0;
    for (; row + 2 <= task.rows; row += 2) {
      take(row, squares[0]);
      take(row + 1, squares[1]);
    }
    if (row < task.rows) {
      take(row, squares[0]);
    }
    store<Target>(task.squares + column, squares[0] + squares[1]);
  }
}

// c += unscale a^T b over `rows` rows: a `height` columns of a panel, b `panels` panels side by side; the
// sums stay in registers.
template <class Target, std::size_t height, std::size_t panels>
inline void multiply_floats(const float* a, const float* b, const FloatGramTask& task, double* c) {
  constexpr std::size_t width = Target::width;
  constexpr std::size_t panel = float_panel<Target>;
  for (std::size_t i = 0; i < height; ++i) {
    for (std::size_t j = 0; j < panels * panel; j += 8) {
      __builtin_prefetch(c + i * task.stride + j);
    }
  }
  Singles<Target> sums[height][panels] = {};
  const std::size_t rows = task.rows;
  for (std::size_t row = 0; row < rows; ++row) {
    Singles<Target> right[panels];
#pragma GCC unroll 8
    for (std::size_t j = 0; j < panels; ++j) {
      std::memcpy(&right[j], b + (j * panel_rows + row) * panel, sizeof right[j]);
    }
#pragma GCC unroll 8
    for (std::size_t i = 0; i < height; ++i) {
      const float left = a[row * panel + i];
#pragma GCC unroll 8
      for (std::size_t j = 0; j < panels; ++j) {
        sums[i][j] += left * right[j];
      }
    }
  }
  const double unscale = task.unscale;
#pragma GCC unroll 8
  for (std::size_t i = 0; i < height; ++i) {
#pragma GCC unroll 8
    for (std::size_t j = 0; j < panels; ++j) {
      typename Lanes<width>::Floats halves[2];
      std::memcpy(halves, &sums[i][j], sizeof halves);
      double* to = c + i * task.stride + j * panel;
      store<Target>(to, load<Target>(to) + unscale * widened<Target>(halves[0]));
      store<Target>(to + width, load<Target>(to + width) + unscale * widened<Target>(halves[1]));
    }
  }
}

// A panel's columns in strips, as many as leave room in the registers for three panels of sums.
template <class Target, std::size_t panels>
inline void multiply_strips(const float* a, const float* b, const FloatGramTask& task, double* c) {
  constexpr std::size_t height = Target::width < 4 ? 4 : Target::width;
  for (std::size_t first = 0; first < float_panel<Target>; first += height) {
    multiply_floats<Target, height, panels>(a + first, b, task, c + first * task.stride);
  }
}

// Column panels go as those of doubles do.
template <class Target>
void float_gram(const FloatGramTask& task) {
  constexpr std::size_t panel = float_panel<Target>;
  std::size_t end = 0;
  for (std::size_t column = task.first_column; column < task.last_column; column = end) {
    const std::size_t left = task.last_column - column;
    end = column + (left == 4 ? 2 : left < 3 ? left : 3);
    for (std::size_t row = task.first_row; row < task.last_row && row < end; ++row) {
      const std::size_t begin = row > column ? row : column;
      const float* a = task.block + row * panel_rows * panel;
      const float* b = task.block + begin * panel_rows * panel;
      double* c = task.c + row * panel * task.stride + begin * panel;
      if (end - begin == 3) {
        multiply_strips<Target, 3>(a, b, task, c);
      } else if (end - begin == 2) {
        multiply_strips<Target, 2>(a, b, task, c);
      } else {
        multiply_strips<Target, 1>(a, b, task, c);
      }
    }
  }
}

}  // namespace collapscope::cpu
