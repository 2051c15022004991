// Dense row-major matrices of float64: an owner and a view.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "collapscope/core/number_memory.hpp"

namespace collapscope {

// A view of `rows` x `cols` numbers, row-major; row i begins at data + i * stride.
template <class T>
class MatrixView {
 public:
  MatrixView() = default;
  MatrixView(T* data, std::size_t rows, std::size_t cols, std::size_t stride)
      : data_(data), rows_(rows), cols_(cols), stride_(stride) {}
  MatrixView(T* data, std::size_t rows, std::size_t cols) : MatrixView(data, rows, cols, cols) {}

  // A view of mutable numbers is a view of constant ones.
  template <class U>
  requires(std::is_same_v<const U, T> && !std::is_same_v<U, T>) MatrixView(const MatrixView<U>& other)
      : MatrixView(other.data(), other.rows(), other.cols(), other.stride()) {}

  [[nodiscard]] T* data() const { return data_; }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t cols() const { return cols_; }
  [[nodiscard]] std::size_t stride() const { return stride_; }
  [[nodiscard]] T& operator()(std::size_t i, std::size_t j) const { return data_[i * stride_ + j]; }
  [[nodiscard]] std::span<T> row(std::size_t i) const { return {data_ + i * stride_, cols_}; }
  // Rows [first, first + count).
  [[nodiscard]] MatrixView middle_rows(std::size_t first, std::size_t count) const {
    return {data_ + first * stride_, count, cols_, stride_};
  }
  // Columns [first, first + count).
  [[nodiscard]] MatrixView middle_cols(std::size_t first, std::size_t count) const {
    return {data_ + first, rows_, count, stride_};
  }

 private:
  T* data_ = nullptr;
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  std::size_t stride_ = 0;
};

// An owning matrix, of zeros unless it says otherwise.
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t cols) : rows_(rows), cols_(cols), values_(rows * cols, 0.0) {}
  // Its numbers are to be written before they are read: large ones by many threads, which take their pages.
  [[nodiscard]] static Matrix unfilled(std::size_t rows, std::size_t cols) {
    Matrix matrix;
    matrix.rows_ = rows;
    matrix.cols_ = cols;
    matrix.values_ = Values(rows * cols);
    return matrix;
  }

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t cols() const { return cols_; }
  [[nodiscard]] bool empty() const { return values_.empty(); }
  [[nodiscard]] double* data() { return values_.data(); }
  [[nodiscard]] const double* data() const { return values_.data(); }
  [[nodiscard]] std::span<double> values() { return values_; }
  [[nodiscard]] std::span<const double> values() const { return values_; }
  [[nodiscard]] double& operator()(std::size_t i, std::size_t j) { return values_[i * cols_ + j]; }
  [[nodiscard]] double operator()(std::size_t i, std::size_t j) const { return values_[i * cols_ + j]; }
  [[nodiscard]] MatrixView<double> view() { return {values_.data(), rows_, cols_}; }
  [[nodiscard]] MatrixView<const double> view() const { return {values_.data(), rows_, cols_}; }

  friend bool operator==(const Matrix&, const Matrix&) = default;

 private:
  using Values = std::vector<double, UnfilledMemory<double>>;

  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  Values values_;
};

}  // namespace collapscope
