// Memory for rows that vector kernels walk over: aligned, padded with zeros.
#pragma once

#include <cstddef>
#include <vector>

#include "collapscope/core/number_memory.hpp"

namespace collapscope::cpu {

using AlignedDoubles = std::vector<double, NumberMemory<double>>;

inline std::size_t round_up(std::size_t size, std::size_t unit) { return (size + unit - 1) / unit * unit; }

// Numbers in a row of `columns` once it is padded for the widest vectors.
inline std::size_t padded(std::size_t columns) { return round_up(columns, 8); }

// Zero-initialized rows. They begin an odd number of cache lines apart, so that a walk down a column of a
// power of two does not stay in one set of the cache.
class Room {
 public:
  Room() = default;
  Room(std::size_t rows, std::size_t columns)
      : rows_(rows),
        columns_(columns),
        stride_((padded(columns) / 8 | 1U) * 8),
        values_(rows * stride_, 0.0) {}

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] std::size_t stride() const { return stride_; }
  [[nodiscard]] double* data() { return values_.data(); }
  [[nodiscard]] const double* data() const { return values_.data(); }
  [[nodiscard]] double* row(std::size_t i) { return values_.data() + i * stride_; }
  [[nodiscard]] const double* row(std::size_t i) const { return values_.data() + i * stride_; }

 private:
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::size_t stride_ = 0;
  AlignedDoubles values_;
};

}  // namespace collapscope::cpu
