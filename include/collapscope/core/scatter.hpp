// A sum of products of rows with themselves, as the matrix or as the rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "collapscope/core/matrix.hpp"

namespace collapscope {

// Whether so many rows of d features are held as they are: N d numbers instead of d^2.
[[nodiscard]] bool are_few_rows(std::uint64_t rows, std::size_t features);

// sum x x^T over rows x [d]. One of the two matrices is empty.
struct Scatter {
  Matrix products;  // [d, d], symmetric
  Matrix rows;      // the x themselves [N, d], where they are few

  Scatter() = default;
  Scatter(Matrix symmetric) : products(std::move(symmetric)) {}
  [[nodiscard]] static Scatter of_rows(Matrix few);

  [[nodiscard]] bool empty() const { return products.empty() && rows.empty(); }
  [[nodiscard]] bool holds_rows() const { return !rows.empty(); }
  // d
  [[nodiscard]] std::size_t order() const { return holds_rows() ? rows.cols() : products.cols(); }
  // One number of the matrix, which takes N operations where there are rows.
  [[nodiscard]] double operator()(std::size_t i, std::size_t j) const;
  // The matrix takes the place of the rows.
  void multiply_out();

  friend bool operator==(const Scatter&, const Scatter&) = default;
};

[[nodiscard]] double trace(const Scatter& scatter);
// S v, v [d].
[[nodiscard]] std::vector<double> product(const Scatter& scatter, const std::vector<double>& v);
// S += weight x x^T, weight >= 0.
void add_square(Scatter& scatter, double weight, const std::vector<double>& x);

}  // namespace collapscope
