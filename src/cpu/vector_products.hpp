// Bodies of the product kernels: x^T x of packed rows; coordinates and residuals of rows in a room;
// rows through a whitening.
// Included once per instruction set.
#pragma once

#include "cpu/vector_lanes.hpp"

namespace collapscope::cpu {

// c += a^T b over `rows` rows: a one panel, b `panels` panels side by side in memory; the sums stay in
// registers. c points to the block's first number.
template <class Target, std::size_t panels>
inline void multiply_panels(const double* a, const double* b, std::size_t rows, double* c,
                            std::size_t stride) {
  constexpr std::size_t width = Target::width;
  for (std::size_t i = 0; i < width; ++i) {
    __builtin_prefetch(c + i * stride);
    __builtin_prefetch(c + i * stride + panels * width - 1);
  }
  Doubles<Target> sums[width][panels] = {};
  for (std::size_t row = 0; row < rows; ++row) {
    Doubles<Target> right[panels];
#pragma GCC unroll 8
    for (std::size_t j = 0; j < panels; ++j) {
      right[j] = load<Target>(b + (j * panel_rows + row) * width);
    }
#pragma GCC unroll 8
    for (std::size_t i = 0; i < width; ++i) {
      const double left = a[row * width + i];
#pragma GCC unroll 8
      for (std::size_t j = 0; j < panels; ++j) {
        sums[i][j] += left * right[j];
      }
    }
  }
#pragma GCC unroll 8
  for (std::size_t i = 0; i < width; ++i) {
#pragma GCC unroll 8
    for (std::size_t j = 0; j < panels; ++j) {
      double* to = c + i * stride + j * width;
      store<Target>(to, load<Target>(to) + sums[i][j]);
    }
  }
}

// Column panels go in threes, which with Target::width rows of sums fill the registers; four left over go in
// twos, because one alone would wait for its few sums.
template <class Target>
void gram(const GramTask& task) {
  constexpr std::size_t width = Target::width;
  std::size_t end = 0;
  for (std::size_t column = task.first_column; column < task.last_column; column = end) {
    const std::size_t left = task.last_column - column;
    end = column + (left == 4 ? 2 : left < 3 ? left : 3);
    for (std::size_t row = task.first_row; row < task.last_row && row < end; ++row) {
      const std::size_t begin = row > column ? row : column;
      const double* a = task.block + row * panel_rows * width;
      const double* b = task.block + begin * panel_rows * width;
      double* c = task.c + row * width * task.stride + begin * width;
      if (end - begin == 3) {
        multiply_panels<Target, 3>(a, b, task.rows, c, task.stride);
      } else if (end - begin == 2) {
        multiply_panels<Target, 2>(a, b, task.rows, c, task.stride);
      } else {
        multiply_panels<Target, 1>(a, b, task.rows, c, task.stride);
      }
    }
  }
}

// `rows` rows by `maps` maps, whose sums stay in registers.
template <class Target, std::size_t rows, std::size_t maps>
inline void project_some(const ProjectTask& task, std::size_t first_row, std::size_t first_map) {
  const double* x = task.from + first_row * task.stride;
  const double* map = task.maps + first_map * task.map_stride;
  Doubles<Target> sums[rows][maps] = {};
  for (std::size_t column = 0; column < task.columns; column += Target::width) {
    Doubles<Target> right[maps];
#pragma GCC unroll 8
    for (std::size_t q = 0; q < maps; ++q) {
      right[q] = load<Target>(map + q * task.map_stride + column);
    }
#pragma GCC unroll 8
    for (std::size_t i = 0; i < rows; ++i) {
      const Doubles<Target> left = load<Target>(x + i * task.stride + column);
#pragma GCC unroll 8
      for (std::size_t q = 0; q < maps; ++q) {
        sums[i][q] += left * right[q];
      }
    }
  }
#pragma GCC unroll 8
  for (std::size_t i = 0; i < rows; ++i) {
#pragma GCC unroll 8
    for (std::size_t q = 0; q < maps; ++q) {
      task.to[(first_row + i) * task.to_stride + first_map + q] = sum_of<Target>(sums[i][q]);
    }
  }
}

template <class Target, std::size_t rows>
inline void project_rows(const ProjectTask& task, std::size_t first_row) {
  std::size_t map = 0;
  for (; map + 3 <= task.count; map += 3) {
    project_some<Target, rows, 3>(task, first_row, map);
  }
  for (; map < task.count; ++map) {
    project_some<Target, rows, 1>(task, first_row, map);
  }
}

template <class Target>
void project(const ProjectTask& task) {
  std::size_t row = 0;
  for (; row + 4 <= task.rows; row += 4) {
    project_rows<Target, 4>(task, row);
  }
  for (; row < task.rows; ++row) {
    project_rows<Target, 1>(task, row);
  }
}

template <class Target, std::size_t rows>
inline void outside_some(const OutsideTask& task, std::size_t first) {
  const double* x = task.from + first * task.stride;
  const double* coordinates = task.coordinates + first * task.coordinate_stride;
  Doubles<Target> centred[rows];
  Doubles<Target> plain[rows];
#pragma GCC unroll 8
  for (std::size_t i = 0; i < rows; ++i) {
    centred[i] = Doubles<Target>{};
    plain[i] = Doubles<Target>{};
  }
  for (std::size_t column = 0; column < task.columns; column += Target::width) {
    Doubles<Target> rest[rows];
#pragma GCC unroll 8
    for (std::size_t i = 0; i < rows; ++i) {
      rest[i] = load<Target>(x + i * task.stride + column);
    }
    for (std::size_t q = 0; q < task.count; ++q) {
      const Doubles<Target> direction = load<Target>(task.basis + q * task.basis_stride + column);
#pragma GCC unroll 8
      for (std::size_t i = 0; i < rows; ++i) {
        rest[i] -= coordinates[i * task.coordinate_stride + q] * direction;
      }
    }
    const Doubles<Target> offset = load<Target>(task.offset + column);
#pragma GCC unroll 8
    for (std::size_t i = 0; i < rows; ++i) {
      const Doubles<Target> moved = rest[i] + offset;
      centred[i] += rest[i] * rest[i];
      plain[i] += moved * moved;
    }
  }
#pragma GCC unroll 8
  for (std::size_t i = 0; i < rows; ++i) {
    task.centred[first + i] = sum_of<Target>(centred[i]);
    task.plain[first + i] = sum_of<Target>(plain[i]);
  }
}

template <class Target>
void outside(const OutsideTask& task) {
  std::size_t row = 0;
  for (; row + 4 <= task.rows; row += 4) {
    outside_some<Target, 4>(task, row);
  }
  for (; row < task.rows; ++row) {
    outside_some<Target, 1>(task, row);
  }
}

template <class Target, bool scaled, bool stores>
void rest_of(const RestTask& task) {
  constexpr std::size_t width = Target::width;
  for (std::size_t row = 0; row < task.rows; ++row) {
    const double* from = task.from + row * task.stride;
    const double* less = task.less[row];
    double* to = stores ? task.to + row * task.to_stride : nullptr;
    Doubles<Target> square{};
    const auto take = [&](std::size_t column, Doubles<Target> other) {
      Doubles<Target> x = load<Target>(from + column);
      if constexpr (scaled) {
        x *= task.factors[row];  // rounded as in the first look: the shift keeps it from being fused with
                                 // `other`
      }
      x = (x - load<Target>(task.shift + column)) - other;
      square += x * x;
      if constexpr (stores) {
        store<Target>(to + column, x);
      }
    };
    std::size_t column = 0;
    for (; column + width <= task.columns; column += width) {
      take(column, load<Target>(less + column));
    }
    if (column < task.columns) {
      double some[width] = {};
      std::memcpy(some, less + column, (task.columns - column) * sizeof(double));
      take(column, load<Target>(some));
    }
    task.squares[row] = sum_of<Target>(square);
  }
}

template <class Target>
void rest(const RestTask& task) {
  if (task.factors != nullptr) {
    rest_of<Target, true, true>(task);
  } else if (task.to != nullptr) {
    rest_of<Target, false, true>(task);
  } else {
    rest_of<Target, false, false>(task);
  }
}

// Target::width rows by `panels` panels over columns [first, last), added to what there is from the columns
// before.
template <class Target, std::size_t panels>
inline void whiten_panels(const WhitenTask& task, const double* x, std::size_t panel, std::size_t first,
                          std::size_t last, double* to) {
  constexpr std::size_t width = Target::width;
  const std::size_t stride = task.stride;
  const std::size_t to_stride = task.panels * width;
  const std::size_t panel_size = task.columns * width;
  const double* maps = task.maps + panel * panel_size;
  Doubles<Target> sums[width][panels] = {};
  if (first > 0) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < width; ++i) {
#pragma GCC unroll 8
      for (std::size_t j = 0; j < panels; ++j) {
        sums[i][j] = load<Target>(to + i * to_stride + j * width);
      }
    }
  }
  for (std::size_t column = first; column < last; ++column) {
    Doubles<Target> right[panels];
#pragma GCC unroll 8
    for (std::size_t j = 0; j < panels; ++j) {
      right[j] = load<Target>(maps + j * panel_size + column * width);
    }
#pragma GCC unroll 8
    for (std::size_t i = 0; i < width; ++i) {
      const double left = x[i * stride + column];
#pragma GCC unroll 8
      for (std::size_t j = 0; j < panels; ++j) {
        sums[i][j] += left * right[j];
      }
    }
  }
#pragma GCC unroll 8
  for (std::size_t i = 0; i < width; ++i) {
#pragma GCC unroll 8
    for (std::size_t j = 0; j < panels; ++j) {
      store<Target>(to + i * to_stride + j * width, sums[i][j]);
    }
  }
}

// A few columns of three panels stay in the first cache while all rows pass by.
template <class Target>
void whiten(const WhitenTask& task) {
  constexpr std::size_t width = Target::width;
  constexpr std::size_t columns_at_once = 128;
  const std::size_t to_stride = task.panels * width;
  for (std::size_t first = 0; first < task.columns; first += columns_at_once) {
    const std::size_t last = first + columns_at_once < task.columns ? first + columns_at_once : task.columns;
    std::size_t end = 0;
    for (std::size_t panel = 0; panel < task.panels; panel = end) {
      const std::size_t left = task.panels - panel;
      end = panel + (left == 4 ? 2 : left < 3 ? left : 3);
      for (std::size_t row = 0; row < task.rows; row += width) {
        const double* x = task.from + row * task.stride;
        double* to = task.to + row * to_stride + panel * width;
        if (end - panel == 3) {
          whiten_panels<Target, 3>(task, x, panel, first, last, to);
        } else if (end - panel == 2) {
          whiten_panels<Target, 2>(task, x, panel, first, last, to);
        } else {
          whiten_panels<Target, 1>(task, x, panel, first, last, to);
        }
      }
    }
  }
  for (std::size_t row = 0; row < task.rows; ++row) {
    Doubles<Target> square{};
    for (std::size_t panel = 0; panel < task.panels; ++panel) {
      const Doubles<Target> along = load<Target>(task.to + row * to_stride + panel * width);
      square += along * along;
    }
    task.squares[row] = sum_of<Target>(square);
  }
}

}  // namespace collapscope::cpu
