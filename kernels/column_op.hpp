// Sums and means of columns in two steps: sums of chunks of rows, then of the chunks. Both are sums of
// differences from the first row, hence exact for constant columns; their order follows from the shape.
#pragma once

#include <cstddef>

#include "arguments.hpp"
#include "element.hpp"
#include "stored.hpp"

namespace collapscope::kernels {

// Over columns: workspace[chunk * cols + column] = sum of the chunk's rows - first row.
struct ChunkSums {
  DeviceMatrix from;
  std::size_t chunk_rows;
  std::size_t chunk_count;
  double* workspace;

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return from.cols; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return chunk_count; }
  [[nodiscard]] Traffic traffic() const { return traffic_of(from.rows * from.cols, chunk_count * from.cols); }

  COLLAPSCOPE_HOST_DEVICE void at(std::size_t column, std::size_t chunk) const {
    constexpr std::size_t batch = 8;
    const std::size_t begin = chunk * chunk_rows;
    const std::size_t rest = from.rows - begin;
    const std::size_t end = begin + (rest < chunk_rows ? rest : chunk_rows);
    const double* numbers = from.data + column;
    const double first = *numbers;
    double sum = 0;
    std::size_t row = begin;
    for (; row + batch <= end; row += batch) {
      double values[batch];
      for (std::size_t k = 0; k < batch; ++k) {
        values[k] = numbers[(row + k) * from.stride];
      }
      for (const double value : values) {
        sum += value - first;
      }
    }
    for (; row < end; ++row) {
      sum += numbers[row * from.stride] - first;
    }
    workspace[chunk * from.cols + column] = sum;
  }
};

// The same of rows as stored, less a shift; over columns of packs. With width 2 everything is aligned to
// pairs and the number of columns is even.
template <std::size_t width>
struct StoredChunkSums {
  StoredNumbers from;
  std::size_t rows;
  std::size_t cols;
  const double* shift;  // [cols] or null
  std::size_t chunk_rows;
  std::size_t chunk_count;
  double* workspace;

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return cols / width; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return chunk_count; }
  [[nodiscard]] Traffic traffic() const {
    return {rows * cols * size_of(from.kind) + (shift == nullptr ? 0 : cols * sizeof(double)),
            chunk_count * cols * sizeof(double)};
  }

  COLLAPSCOPE_HOST_DEVICE void at(std::size_t column, std::size_t chunk) const {
    constexpr std::size_t batch = 8 / width;
    const std::size_t begin = chunk * chunk_rows;
    const std::size_t rest = rows - begin;
    const std::size_t end = begin + (rest < chunk_rows ? rest : chunk_rows);
    const auto less = shift == nullptr ? Pack<double, width>{} : load_pack<double, width>(shift, column);
    Pack<double, width> first[1];
    from.read<false>(column, 1, column + 1, first);
    Pack<double, width> sum{};
    for (std::size_t row = begin; row < end; row += batch) {
      Pack<double, width> values[batch];
      from.read<false>(row * columns() + column, columns(), end * columns(), values);
      for (std::size_t k = 0; k < batch; ++k) {
        for (std::size_t j = 0; j < width && row + k < end; ++j) {
          sum.number[j] += (values[k].number[j] - less.number[j]) - (first[0].number[j] - less.number[j]);
        }
      }
    }
    store_pack(workspace + chunk * cols, column, sum);
  }
};

// Their means, over rows, where a "row" is a column and the lanes share its chunks.
struct StoredMeans {
  StoredNumbers from;
  std::size_t count;
  std::size_t cols;
  const double* shift;  // [cols] or null
  std::size_t chunk_count;
  const double* workspace;
  double* means;  // [cols]

  struct Partial {
    double sum;
  };

  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& a, const Partial& b) {
    return {a.sum + b.sum};
  }

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return cols; }
  [[nodiscard]] Traffic traffic() const { return traffic_of((chunk_count + 1) * cols, cols); }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t column, std::size_t lane, std::size_t lanes) const {
    Partial total{0};
    for (std::size_t chunk = lane; chunk < chunk_count; chunk += lanes) {
      total.sum += workspace[chunk * cols + column];
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t column, const Partial& total) const {
    const double first = from.number(column) - (shift == nullptr ? 0 : shift[column]);
    means[column] = first + total.sum / static_cast<double>(count);
  }
};

// Over rows, where a "row" is a column of `from` and the lanes share its chunks.
struct ColumnTotals {
  DeviceMatrix from;
  std::size_t chunk_count;
  const double* workspace;
  double* sums;   // [cols] or null
  double* means;  // [cols] or null

  struct Partial {
    double sum;
  };

  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& a, const Partial& b) {
    return {a.sum + b.sum};
  }

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return from.cols; }
  [[nodiscard]] Traffic traffic() const {
    return traffic_of((chunk_count + 1) * from.cols,
                      ((sums == nullptr ? 0 : 1) + (means == nullptr ? 0 : 1)) * from.cols);
  }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t column, std::size_t lane, std::size_t lanes) const {
    Partial total{0};
    for (std::size_t chunk = lane; chunk < chunk_count; chunk += lanes) {
      total.sum += workspace[chunk * from.cols + column];
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t column, const Partial& total) const {
    const double count = static_cast<double>(from.rows);
    const double first = from.data[column];
    if (sums != nullptr) {
      sums[column] = first * count + total.sum;
    }
    if (means != nullptr) {
      means[column] = first + total.sum / count;
    }
  }
};

}  // namespace collapscope::kernels
