// What float32 products need: rows rounded to floats, near 1 by a power of two, and the sums of squares of
// their columns in float64; and the products' way back to float64.
#pragma once

#include <cmath>
#include <cstddef>

#include "arguments.hpp"
#include "element.hpp"
#include "row_batch.hpp"

namespace collapscope::kernels {

// Over columns, a chunk being a batch of rows: to = from * *scale, rounded; scale null: 1.
struct NarrowRows {
  DeviceMatrix from;
  FloatMatrix to;
  const double* scale;

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return from.cols; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return row_batches(from.rows); }
  [[nodiscard]] Traffic traffic() const {
    return {from.rows * from.cols * sizeof(double), from.rows * from.cols * sizeof(float)};
  }

  COLLAPSCOPE_HOST_DEVICE void at(std::size_t column, std::size_t chunk) const {
    const double factor = scale == nullptr ? 1.0 : *scale;
    const std::size_t begin = chunk * row_batch;
    double values[row_batch];
    for (std::size_t k = 0; k < row_batch; ++k) {
      values[k] = begin + k < from.rows ? from.data[(begin + k) * from.stride + column] : 0;
    }
    for (std::size_t k = 0; k < row_batch; ++k) {
      if (begin + k < from.rows) {
        to.data[(begin + k) * to.stride + column] = static_cast<float>(values[k] * factor);
      }
    }
  }
};

// Over columns: workspace[chunk * cols + column] = the sum of squares of the chunk's rows.
struct ChunkSquares {
  DeviceMatrix from;
  std::size_t chunk_rows;
  std::size_t chunk_count;
  double* workspace;

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return from.cols; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return chunk_count; }
  [[nodiscard]] Traffic traffic() const { return traffic_of(from.rows * from.cols, chunk_count * from.cols); }

  COLLAPSCOPE_HOST_DEVICE void at(std::size_t column, std::size_t chunk) const {
    const std::size_t begin = chunk * chunk_rows;
    const std::size_t rest = from.rows - begin;
    const std::size_t end = begin + (rest < chunk_rows ? rest : chunk_rows);
    double sum = 0;
    for (std::size_t row = begin; row < end; ++row) {
      const double value = from.data[row * from.stride + column];
      sum += value * value;
    }
    workspace[chunk * from.cols + column] = sum;
  }
};

// Over rows, where a "row" is a column and the lanes share its chunks: squares[column] = their sum.
struct SquareTotals {
  std::size_t cols;
  std::size_t chunk_count;
  const double* workspace;
  double* squares;

  struct Partial {
    double sum;
  };

  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& a, const Partial& b) {
    return {a.sum + b.sum};
  }

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return cols; }
  [[nodiscard]] Traffic traffic() const { return traffic_of(chunk_count * cols, cols); }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t column, std::size_t lane, std::size_t lanes) const {
    Partial total{0};
    for (std::size_t chunk = lane; chunk < chunk_count; chunk += lanes) {
      total.sum += workspace[chunk * cols + column];
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t column, const Partial& total) const {
    squares[column] = total.sum;
  }
};

// Over rows, of which there is one, whose lanes share the columns: the power of two that takes the largest
// column's root mean square to [1, 2); 1 when that is 0 or not finite.
struct ChooseScale {
  const double* squares;  // [cols], sums over `count` rows
  std::size_t cols;
  std::size_t count;
  double* scale;

  struct Partial {
    double largest;
  };

  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& a, const Partial& b) {
    return a.largest > b.largest ? a : b;
  }

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return 1; }
  [[nodiscard]] Traffic traffic() const { return traffic_of(cols, 1); }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t, std::size_t lane, std::size_t lanes) const {
    Partial part{0};
    for (std::size_t column = lane; column < cols; column += lanes) {
      part.largest = squares[column] > part.largest ? squares[column] : part.largest;
    }
    return part;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t, const Partial& part) const {
    const double rms = ::sqrt(part.largest / static_cast<double>(count));
    const bool usable = rms > 1e-300 && rms < 1e300;
    *scale = usable ? ::ldexp(1.0, -::ilogb(rms)) : 1.0;
  }
};

// Over items: to[i] (+)= the sum over s of from[s * size + i], in float64, over *scale squared (null: 1).
struct SumFloatSlices {
  double* to;
  const float* from;
  std::size_t slices;
  std::size_t size;
  const double* scale;
  bool adds;

  COLLAPSCOPE_HOST_DEVICE std::size_t count() const { return size; }
  [[nodiscard]] Traffic traffic() const {
    return {size * (slices * sizeof(float) + (adds ? sizeof(double) : 0)), size * sizeof(double)};
  }
  COLLAPSCOPE_HOST_DEVICE void operator()(std::size_t i) const {
    double sum = 0;
    for (std::size_t s = 0; s < slices; ++s) {
      sum += from[s * size + i];
    }
    sum = scale == nullptr ? sum : sum / *scale / *scale;
    to[i] = adds ? to[i] + sum : sum;
  }
};

}  // namespace collapscope::kernels
