#include "cpu/row_passes.hpp"

#include <algorithm>
#include <cmath>

namespace collapscope::cpu {

double squared_norm(std::span<const double> v) {
  // Four running sums: shorter rounding chains, and the compiler can keep them apart.
  double sums[4] = {0, 0, 0, 0};
  std::size_t i = 0;
  for (; i + 4 <= v.size(); i += 4) {
    for (std::size_t j = 0; j < 4; ++j) {
      sums[j] += v[i + j] * v[i + j];
    }
  }
  for (; i < v.size(); ++i) {
    sums[0] += v[i] * v[i];
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

double norm(std::span<const double> v) {
  const double squared = squared_norm(v);
  if (squared > 1e-280 && std::isfinite(squared)) {
    return std::sqrt(squared);
  }
  double largest = 0;
  for (const double x : v) {
    largest = std::max(largest, std::abs(x));
  }
  if (largest == 0) {
    return 0;
  }
  double sum = 0;
  for (const double x : v) {
    sum += (x / largest) * (x / largest);
  }
  return largest * std::sqrt(sum);
}

void subtract(MatrixView<double> rows, std::span<const double> shift) {
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.row(i);
    for (std::size_t j = 0; j < row.size(); ++j) {
      row[j] -= shift[j];
    }
  }
}

std::vector<double> column_means(MatrixView<const double> rows) {
  std::vector<double> mean(rows.cols(), 0.0);
  if (rows.rows() == 0) {
    return mean;
  }
  const auto first = rows.row(0);
  for (std::size_t i = 1; i < rows.rows(); ++i) {
    const auto row = rows.row(i);
    for (std::size_t j = 0; j < row.size(); ++j) {
      mean[j] += row[j] - first[j];
    }
  }
  const double count = static_cast<double>(rows.rows());
  for (std::size_t j = 0; j < mean.size(); ++j) {
    mean[j] = first[j] + mean[j] / count;
  }
  return mean;
}

}  // namespace collapscope::cpu
