// What a device's eigenpairs and their matrix need beside products.
#pragma once

#include <cstddef>

#include "arguments.hpp"
#include "element.hpp"

namespace collapscope::kernels {

// Over columns, a chunk being a row: row i *= factor[i].
struct ScaleRows {
  DeviceMatrix rows;
  const double* factor;  // [rows]

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return rows.cols; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return rows.rows; }
  [[nodiscard]] Traffic traffic() const {
    return traffic_of(rows.rows * (rows.cols + 1), rows.rows * rows.cols);
  }
  COLLAPSCOPE_HOST_DEVICE void at(std::size_t column, std::size_t row) const {
    rows.data[row * rows.stride + column] *= factor[row];
  }
};

// Over items: to = from / first / second, as a host divides.
struct DivideTwice {
  const double* from;
  double* to;
  std::size_t size;
  double first;
  double second;

  COLLAPSCOPE_HOST_DEVICE std::size_t count() const { return size; }
  [[nodiscard]] Traffic traffic() const { return traffic_of(size, size); }
  COLLAPSCOPE_HOST_DEVICE void operator()(std::size_t i) const { to[i] = from[i] / first / second; }
};

// Over items, which are the diagonal's of [n, n]: += by.
struct ShiftDiagonal {
  double* square;
  std::size_t n;
  double by;

  COLLAPSCOPE_HOST_DEVICE std::size_t count() const { return n; }
  [[nodiscard]] Traffic traffic() const { return traffic_of(n, n); }
  COLLAPSCOPE_HOST_DEVICE void operator()(std::size_t i) const { square[i * n + i] += by; }
};

}  // namespace collapscope::kernels
