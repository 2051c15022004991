#include "bench/reference.hpp"

#include <cmath>
#include <vector>

#include "collapscope/core/decode.hpp"

namespace collapscope::bench {

double scatter_error(const Matrix& scatter, std::span<const std::byte> stored, ElementType type) {
  const std::size_t d = scatter.rows();
  const std::size_t rows = stored.size() / type.size() / d;
  Matrix values(rows, d);
  decode_elements(stored, type, values.values());
  std::vector<long double> mean(d, 0.0L);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < d; ++j) {
      mean[j] += values(i, j);
    }
  }
  std::vector<long double> x(d);
  std::vector<long double> sums(d * d, 0.0L);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < d; ++j) {
      x[j] = values(i, j) - mean[j] / static_cast<long double>(rows);
    }
    for (std::size_t j = 0; j < d; ++j) {
      for (std::size_t l = 0; l <= j; ++l) {
        sums[j * d + l] += x[j] * x[l];
      }
    }
  }
  long double error = 0;
  long double size = 0;
  for (std::size_t j = 0; j < d; ++j) {
    for (std::size_t l = 0; l < d; ++l) {
      const long double right = l <= j ? sums[j * d + l] : sums[l * d + j];
      error += (scatter(j, l) - right) * (scatter(j, l) - right);
      size += right * right;
    }
  }
  return static_cast<double>(std::sqrt(error / size));
}

}  // namespace collapscope::bench
