// Kernels of the self-test: of each shape.
#pragma once

#include <cstddef>
#include <cstdint>

#include "element.hpp"
#include "traffic.hpp"

namespace fake_cuda_test {

// x *= factor, through a small extra field that leaves padding behind.
template <class T>
struct Times {
  T* x;
  T factor;
  bool enabled;
  std::size_t size;

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return enabled ? size : 0; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return 1; }
  COLLAPSCOPE_HOST_DEVICE void at(std::size_t i, std::size_t) const { x[i] *= factor; }
};

// sums[row] = sum of the row.
struct SumRows {
  const double* x;
  double* sums;
  std::size_t row_count;
  std::size_t cols;

  struct Partial {
    double sum;
  };

  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& a, const Partial& b) {
    return {a.sum + b.sum};
  }
  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return row_count; }
  [[nodiscard]] collapscope::kernels::Traffic traffic() const {
    return collapscope::kernels::traffic_of(row_count * cols, row_count);
  }
  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t row, std::size_t lane, std::size_t lanes) const {
    Partial part{0};
    for (std::size_t j = lane; j < cols; j += lanes) {
      part.sum += x[row * cols + j];
    }
    return part;
  }
  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, const Partial& total) const { sums[row] = total.sum; }
};

// x[chunk * cols + column] = chunk + column / 1000
struct Number {
  double* x;
  std::size_t cols;
  std::size_t chunk_count;

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return cols; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return chunk_count; }
  COLLAPSCOPE_HOST_DEVICE void at(std::size_t column, std::size_t chunk) const {
    x[chunk * cols + column] = static_cast<double>(chunk) + static_cast<double>(column) / 1000;
  }
};

// x[i] = i, by CUB.
struct Counted {
  double* x;
  std::size_t size;
  COLLAPSCOPE_HOST_DEVICE std::size_t count() const { return size; }
  COLLAPSCOPE_HOST_DEVICE void operator()(std::size_t i) const { x[i] = static_cast<double>(i); }
};

// Have no twins.
struct Unknown {
  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return 1; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return 1; }
  COLLAPSCOPE_HOST_DEVICE void at(std::size_t, std::size_t) const {}
};
struct UnknownItems {
  COLLAPSCOPE_HOST_DEVICE std::size_t count() const { return 1; }
  COLLAPSCOPE_HOST_DEVICE void operator()(std::size_t) const {}
};

}  // namespace fake_cuda_test
