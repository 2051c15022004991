#include "linalg/float_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace collapscope::linalg {

double scale_to_one(const StoredRows& rows) {
  double largest = 0;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t j = 0; j < rows.cols(); ++j) {
      // A NaN stays: no comparison with it holds.
      const double size = std::abs(rows(i, j));
      largest = size <= largest ? largest : size;
    }
  }
  if (!(largest > 0) || !std::isfinite(largest)) {
    return 0;
  }
  int exponent = 0;
  (void)std::frexp(largest, &exponent);
  return std::ldexp(1.0, std::clamp(-exponent, -1000, 1000));
}

MatrixView<const float> FloatRows::fill(const StoredRows& rows, double scale) {
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    fill_row(i, rows, i, scale);
  }
  return {numbers_.data(), rows.rows(), cols_};
}

// Two roundings of factors, d of products and sums in any order, each half an epsilon; twice as much is said.
float product_rounding(std::size_t cols) {
  return static_cast<float>(cols + 8) * std::numeric_limits<float>::epsilon();
}

float least_square(std::size_t cols) { return std::ldexp(static_cast<float>(cols + 1), -100); }

std::vector<double> scaled_squares(const StoredRows& rows, double scale) {
  std::vector<double> squares;
  squares.reserve(rows.rows());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < rows.cols(); ++j) {
      sum += rows(i, j) * scale * (rows(i, j) * scale);
    }
    squares.push_back(sum);
  }
  return squares;
}

}  // namespace collapscope::linalg
