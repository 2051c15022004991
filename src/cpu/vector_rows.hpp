// Bodies of the row kernels: convert, shift, square and sum; pack. Included once per instruction set.
#pragma once

#include "cpu/vector_lanes.hpp"

namespace collapscope::cpu {

// One vector of columns of `count` rows, which share the loads of shift and sums; some > 0: only that many
// columns of it are stored. Rows are given by the first and the distance to the next.
template <class Target, Stored stored, std::size_t count>
inline void centre_columns(const CentreTask& task, const std::byte* from, double* to, std::size_t column,
                           std::size_t some, Doubles<Target> (&squares)[count],
                           Doubles<Target> (&centred_squares)[count]) {
  const Doubles<Target> shift = load<Target>(task.shift + column);
  Doubles<Target> sum = load<Target>(task.sums + column);
#pragma GCC unroll 8
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* at = from + i * task.row_bytes + column * stored_size<stored>;
    const Doubles<Target> h =
        some == 0 ? load_stored<Target, stored>(at) : load_some<Target, stored>(at, some);
    const Doubles<Target> x = h - shift;
    squares[i] += h * h;
    centred_squares[i] += x * x;
    sum += x;
    store<Target>(to + i * task.stride + column, x);
  }
  store<Target>(task.sums + column, sum);
}

template <class Target, Stored stored, std::size_t count>
inline void centre_some(const CentreTask& given, std::size_t first) {
  const CentreTask task = given;  // a copy that no store can change
  const std::byte* from = task.from + first * task.row_bytes;
  double* to = task.to + first * task.stride;
  Doubles<Target> squares[count];
  Doubles<Target> centred_squares[count];
#pragma GCC unroll 8
  for (std::size_t i = 0; i < count; ++i) {
    squares[i] = Doubles<Target>{};
    centred_squares[i] = Doubles<Target>{};
  }
  std::size_t column = 0;
  for (; column + Target::width <= task.columns; column += Target::width) {
    centre_columns<Target, stored, count>(task, from, to, column, 0, squares, centred_squares);
  }
  if (column < task.columns) {
    centre_columns<Target, stored, count>(task, from, to, column, task.columns - column, squares,
                                          centred_squares);
  }
#pragma GCC unroll 8
  for (std::size_t i = 0; i < count; ++i) {
    task.squares[first + i] = sum_of<Target>(squares[i]);
    task.centred_squares[first + i] = sum_of<Target>(centred_squares[i]);
  }
}

template <class Target, Stored stored>
void centre(const CentreTask& task) {
  constexpr std::size_t at_once = 4;
  std::size_t row = 0;
  for (; row + at_once <= task.rows; row += at_once) {
    centre_some<Target, stored, at_once>(task, row);
  }
  for (; row < task.rows; ++row) {
    centre_some<Target, stored, 1>(task, row);
  }
}

// One panel is one vector wide.
template <class Target>
void pack_panels(const PackTask& task) {
  constexpr std::size_t width = Target::width;
  for (std::size_t column = 0; column < task.columns; column += width) {
    const Doubles<Target> shift = load<Target>(task.shift + column);
    const double* from = task.from + column;
    double* to = task.to + column * block_rows;
    for (std::size_t row = 0; row < task.rows; ++row) {
      store<Target>(to + row * width, load<Target>(from + row * task.stride) - shift);
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
      store<Target>(to + column, load<Target>(from + column) - load<Target>(task.shift + column));
    }
  }
}

}  // namespace collapscope::cpu
