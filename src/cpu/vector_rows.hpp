// Bodies of the row kernels: convert, shift, square and sum; pack. Included once per instruction set.
#pragma once

#include "cpu/vector_lanes.hpp"

namespace collapscope::cpu {

// Rows [first, first + count) of the task; several rows at once share the loads of shift and sums.
template <class Target, Stored stored, std::size_t count>
inline void centre_some(const CentreTask& task, std::size_t first) {
  constexpr std::size_t width = Target::width;
  const std::byte* from[count];
  double* to[count];
  Doubles<Target> squares[count] = {};
  Doubles<Target> centred_squares[count] = {};
  for (std::size_t i = 0; i < count; ++i) {
    from[i] = task.from + (first + i) * task.row_bytes;
    to[i] = task.to + (first + i) * task.stride;
  }
  const auto visit = [&](std::size_t column, const Doubles<Target>* h) {
    const Doubles<Target> shift = load<Target>(task.shift + column);
    Doubles<Target> sum = load<Target>(task.sums + column);
    for (std::size_t i = 0; i < count; ++i) {
      const Doubles<Target> x = h[i] - shift;
      squares[i] += h[i] * h[i];
      centred_squares[i] += x * x;
      sum += x;
      store<Target>(to[i] + column, x);
    }
    store<Target>(task.sums + column, sum);
  };
  std::size_t column = 0;
  for (; column + width <= task.columns; column += width) {
    Doubles<Target> h[count];
    for (std::size_t i = 0; i < count; ++i) {
      h[i] = load_stored<Target, stored>(from[i] + column * stored_size<stored>);
    }
    visit(column, h);
  }
  if (column < task.columns) {
    Doubles<Target> h[count];
    for (std::size_t i = 0; i < count; ++i) {
      h[i] = load_some<Target, stored>(from[i] + column * stored_size<stored>, task.columns - column);
    }
    visit(column, h);
  }
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
