// Rows of a matrix as float32 numbers of order one, for products whose rounding has a bound: they cost half
// of what float64 costs, and tell which pairs of rows need it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "collapscope/core/stored_matrix.hpp"

namespace collapscope::linalg {

// A power of two that brings the largest magnitude of the numbers into [1/2, 1); 0 where there is none that
// is finite and not zero.
[[nodiscard]] double scale_to_one(const StoredRows& rows);

// Some rows times a scale. A product of two rows a, b of d such numbers is off by at most
// product_rounding(d) |a| |b| + least_square(d), the rows' own rounding included.
class FloatRows {
 public:
  FloatRows(std::size_t most_rows, std::size_t cols) : numbers_(most_rows * cols), cols_(cols) {}

  [[nodiscard]] MatrixView<const float> fill(const StoredRows& rows, double scale);
  // One of them, with a scale of its own.
  void fill_row(std::size_t to, std::span<const double> row, double scale) {
    float* const out = numbers_.data() + to * cols_;
    for (std::size_t j = 0; j < cols_; ++j) {
      out[j] = static_cast<float>(row[j] * scale);
    }
  }
  // The first of them, as they were filled.
  [[nodiscard]] MatrixView<const float> rows(std::size_t count) const {
    return {numbers_.data(), count, cols_};
  }

  // The rows with these numbers, one after another.
  template <class Numbers>
  [[nodiscard]] MatrixView<const float> fill_picked(const StoredRows& from, const Numbers& rows,
                                                    double scale) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      fill_row(i, from, static_cast<std::size_t>(rows[i]), scale);
    }
    return {numbers_.data(), rows.size(), cols_};
  }

 private:
  void fill_row(std::size_t to, const StoredRows& from, std::size_t row, double scale) {
    float* const out = numbers_.data() + to * cols_;
    for (std::size_t j = 0; j < cols_; ++j) {
      out[j] = static_cast<float>(from(row, j) * scale);
    }
  }

  std::vector<float> numbers_;
  std::size_t cols_;
};

[[nodiscard]] float product_rounding(std::size_t cols);

// What may be lost below the smallest number.
[[nodiscard]] float least_square(std::size_t cols);

// |row|^2 of rows times a scale, in float64.
[[nodiscard]] std::vector<double> scaled_squares(const StoredRows& rows, double scale);

}  // namespace collapscope::linalg
