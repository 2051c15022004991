// A matrix that is held in float32 where all its numbers are of that type, and read as float64: a large
// classifier is stored so, and takes half the memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "collapscope/core/element.hpp"
#include "collapscope/core/matrix.hpp"
#include "collapscope/core/number_memory.hpp"

namespace collapscope {

class StoredMatrix;

// A view of rows of either kind. Whoever it is a view of outlives it.
class StoredRows {
 public:
  StoredRows(const Matrix& matrix);        // NOLINT(google-explicit-constructor)
  StoredRows(const StoredMatrix& matrix);  // NOLINT(google-explicit-constructor)

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t cols() const { return cols_; }
  [[nodiscard]] double operator()(std::size_t i, std::size_t j) const {
    const std::size_t at = i * cols_ + j;
    return floats_ != nullptr ? static_cast<double>(floats_[at]) : doubles_[at];
  }
  // Rows [first, first + count).
  [[nodiscard]] StoredRows middle_rows(std::size_t first, std::size_t count) const;
  // All of them; `room` is used where they are held in float32, and grows as needed.
  [[nodiscard]] MatrixView<const double> widened(std::vector<double>& room) const;

 private:
  const double* doubles_ = nullptr;
  const float* floats_ = nullptr;
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
};

class StoredMatrix {
 public:
  using Floats = std::vector<float, NumberMemory<float>>;

  StoredMatrix() = default;
  explicit StoredMatrix(Matrix numbers);
  // floats: [rows, cols]
  StoredMatrix(std::size_t rows, std::size_t cols, Floats floats);

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t cols() const { return cols_; }
  [[nodiscard]] std::size_t size() const { return rows_ * cols_; }
  [[nodiscard]] double operator()(std::size_t i, std::size_t j) const { return StoredRows(*this)(i, j); }
  // One of the two holds the numbers.
  [[nodiscard]] const Matrix& doubles() const { return doubles_; }
  [[nodiscard]] std::span<const float> floats() const { return floats_; }

 private:
  Matrix doubles_;
  Floats floats_;
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
};

// The product of a row with a vector [cols].
[[nodiscard]] inline double row_product(const StoredRows& rows, std::size_t i, std::span<const double> with) {
  double sum = 0;
  for (std::size_t j = 0; j < with.size(); ++j) {
    sum += rows(i, j) * with[j];
  }
  return sum;
}

// What a StoredMatrix takes for a number of this type.
[[nodiscard]] std::size_t held_bytes(const ElementType& element);

inline StoredRows::StoredRows(const Matrix& matrix)
    : doubles_(matrix.data()), rows_(matrix.rows()), cols_(matrix.cols()) {}

inline StoredRows::StoredRows(const StoredMatrix& matrix)
    : doubles_(matrix.doubles().data()),
      floats_(matrix.floats().empty() ? nullptr : matrix.floats().data()),
      rows_(matrix.rows()),
      cols_(matrix.cols()) {}

inline StoredRows StoredRows::middle_rows(std::size_t first, std::size_t count) const {
  StoredRows some = *this;
  some.rows_ = count;
  (floats_ != nullptr ? void(some.floats_ += first * cols_) : void(some.doubles_ += first * cols_));
  return some;
}

inline MatrixView<const double> StoredRows::widened(std::vector<double>& room) const {
  if (floats_ == nullptr) {
    return {doubles_, rows_, cols_};
  }
  room.resize(std::max(room.size(), rows_ * cols_));
  std::copy_n(floats_, rows_ * cols_, room.begin());
  return {room.data(), rows_, cols_};
}

}  // namespace collapscope
