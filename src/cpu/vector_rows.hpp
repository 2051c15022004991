// Bodies of the row kernels: convert, shift, square and sum; add; pack. Included once per instruction set.
#pragma once

#include "cpu/vector_floats.hpp"
#include "cpu/vector_lanes.hpp"

namespace collapscope::cpu {

// One vector of columns of `count` rows, which share the loads of shift and sums; some > 0: only that many
// columns of it are stored. Rows are given by the first and the distance to the next.
template <class Target, Stored stored, bool floats, std::size_t count>
inline void centre_columns(const CentreTask& task, const std::byte* from, double* to, float* narrow_to,
                           std::size_t column, std::size_t some, Doubles<Target> (&squares)[count],
                           Doubles<Target> (&centred_squares)[count]) {
  const Doubles<Target> shift = load<Target>(task.shift + column);
  Doubles<Target> sum = load<Target>(task.sums + column);
  Doubles<Target> column_square{};
#pragma GCC unroll 8
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* at = from + i * task.row_bytes + column * stored_size<stored>;
    const Doubles<Target> h =
        some == 0 ? load_stored<Target, stored>(at) : load_some<Target, stored>(at, some);
    const Doubles<Target> x = h - shift;
    squares[i] += h * h;
    centred_squares[i] += x * x;
    sum += x;
    store<Target>(to + i * task.stride, x);
    if constexpr (floats) {
      column_square += x * x;
      const auto single = narrowed<Target>(x * task.scale);
      std::memcpy(narrow_to + i * float_panel<Target>, &single, sizeof single);
    }
  }
  store<Target>(task.sums + column, sum);
  if constexpr (floats) {
    double* all = task.column_squares + column;
    store<Target>(all, load<Target>(all) + column_square);
  }
}

template <class Target, Stored stored, bool floats, std::size_t count>
inline void centre_some(const CentreTask& given, std::size_t first) {
  constexpr std::size_t width = Target::width;
  constexpr std::size_t panel = float_panel<Target>;
  const CentreTask task = given;  // a copy that no store can change
  const std::byte* from = task.from + first * task.row_bytes;
  double* to = task.to + first * task.stride;
  float* narrow_to = floats ? task.floats + first * panel : nullptr;
  const std::size_t step = task.panel_size == 0 ? width : task.panel_size;
  Doubles<Target> squares[count];
  Doubles<Target> centred_squares[count];
#pragma GCC unroll 8
  for (std::size_t i = 0; i < count; ++i) {
    squares[i] = Doubles<Target>{};
    centred_squares[i] = Doubles<Target>{};
  }
  const auto take = [&](std::size_t column, std::size_t some) {
    float* narrow_at = floats ? narrow_to + column / panel * panel * panel_rows + column % panel : nullptr;
    centre_columns<Target, stored, floats, count>(task, from, to + column / width * step, narrow_at, column,
                                                  some, squares, centred_squares);
  };
  std::size_t column = 0;
  for (; column + width <= task.columns; column += width) {
    take(column, 0);
  }
  if (column < task.columns) {
    take(column, task.columns - column);
  }
#pragma GCC unroll 8
  for (std::size_t i = 0; i < count; ++i) {
    task.squares[first + i] = sum_of<Target>(squares[i]);
    task.centred_squares[first + i] = sum_of<Target>(centred_squares[i]);
  }
}

template <class Target, Stored stored, bool floats>
void centre_rows(const CentreTask& task) {
  constexpr std::size_t at_once = 4;
  std::size_t row = 0;
  for (; row + at_once <= task.rows; row += at_once) {
    centre_some<Target, stored, floats, at_once>(task, row);
  }
  for (; row < task.rows; ++row) {
    centre_some<Target, stored, floats, 1>(task, row);
  }
}

template <class Target, Stored stored>
void centre(const CentreTask& task) {
  if (task.floats != nullptr) {
    centre_rows<Target, stored, true>(task);
  } else {
    centre_rows<Target, stored, false>(task);
  }
}

template <class Target, bool differs>
void add_row(const AddTask& given) {
  constexpr std::size_t width = Target::width;
  const AddTask task = given;  // a copy that no store can change
  std::size_t column = 0;
  for (; column + width <= task.columns; column += width) {
    Doubles<Target> x = load<Target>(task.from + column);
    if constexpr (differs) {
      x -= load<Target>(task.less + column);
    }
    store<Target>(task.to + column, load<Target>(task.to + column) + x);
  }
  for (; column < task.columns; ++column) {
    task.to[column] += differs ? task.from[column] - task.less[column] : task.from[column];
  }
}

template <class Target>
void add(const AddTask& task) {
  if (task.less == nullptr) {
    add_row<Target, false>(task);
  } else {
    add_row<Target, true>(task);
  }
}

// One panel is one vector wide.
template <class Target>
void pack_panels(const PackTask& task) {
  constexpr std::size_t width = Target::width;
  for (std::size_t column = 0; column < task.columns; column += width) {
    const double* from = task.from + column;
    double* to = task.to + column * panel_rows;
    for (std::size_t row = 0; row < task.rows; ++row) {
      store<Target>(to + row * width, load<Target>(from + row * task.stride) / task.divisors[row]);
    }
  }
}

// One row after another, for the BLAS.
template <class Target>
void pack_rows(const PackTask& task) {
  for (std::size_t row = 0; row < task.rows; ++row) {
    const double* from = task.from + row * task.stride;
    double* to = task.to + row * task.columns;
    for (std::size_t column = 0; column < task.columns; column += Target::width) {
      store<Target>(to + column, load<Target>(from + column) / task.divisors[row]);
    }
  }
}

}  // namespace collapscope::cpu
