// How far the Gram matrices of consecutive weights are from one another.
#include <algorithm>
#include <cmath>
#include <limits>

#include "collapscope/metrics/summaries.hpp"
#include "linalg/blas.hpp"
#include "metrics/layer_parts.hpp"
#include "metrics/metric_values.hpp"

namespace collapscope {

namespace {

constexpr std::size_t rows_at_once = 256;

// Columns [first, first + count).
MatrixView<const double> columns_from(const Matrix& a, std::size_t first, std::size_t count) {
  return {a.data() + first, a.rows(), count, a.cols()};
}

MatrixView<const double> rows_from(const Matrix& a, std::size_t first, std::size_t count) {
  return {a.data() + first * a.cols(), count, a.cols(), a.cols()};
}

struct Squares {
  double of_next = 0;
  double of_weight = 0;
  double of_difference = 0;
};

}  // namespace

// In blocks on and right of the diagonal; what is right of the block on it counts twice.
Balancedness balancedness(const Matrix& weight, const Matrix& next) {
  using linalg::Transpose;
  const std::size_t m = weight.rows();
  Squares all;
  for (std::size_t first = 0; first < m; first += rows_at_once) {
    const std::size_t count = std::min(rows_at_once, m - first);
    Matrix of_next(count, m - first);
    Matrix of_weight(count, m - first);
    linalg::gemm(1, columns_from(next, first, count), Transpose::yes, columns_from(next, first, m - first),
                 Transpose::no, 0, of_next.view());
    linalg::gemm(1, rows_from(weight, first, count), Transpose::no, rows_from(weight, first, m - first),
                 Transpose::yes, 0, of_weight.view());
    for (std::size_t i = 0; i < count; ++i) {
      Squares row;
      for (std::size_t j = 0; j < m - first; ++j) {
        const double times = j < count ? 1 : 2;
        const double a = of_next(i, j);
        const double b = of_weight(i, j);
        row.of_next += times * a * a;
        row.of_weight += times * b * b;
        row.of_difference += times * (a - b) * (a - b);
      }
      all.of_next += row.of_next;
      all.of_weight += row.of_weight;
      all.of_difference += row.of_difference;
    }
  }
  Balancedness found;
  found.difference = std::sqrt(all.of_difference);
  found.size = (std::sqrt(all.of_next) + std::sqrt(all.of_weight)) / 2;
  found.rounding = std::sqrt(static_cast<double>(std::max(weight.cols(), next.rows()))) *
                   std::numeric_limits<double>::epsilon() * found.size;
  return found;
}

void add_balancedness(MetricSet& set, const LayerSummary& layer) {
  if (!layer.balance) {
    add_undefined(set, "weight_balancedness", layer.no_balance);
    add_undefined(set, "weight_balancedness_relative", layer.no_balance);
    return;
  }
  const Balancedness& found = *layer.balance;
  add_number(set, "weight_balancedness", found.difference, found.rounding, found.note);
  if (found.size > 0) {
    add_number(set, "weight_balancedness_relative", found.difference / found.size,
               found.rounding / found.size, found.note);
  } else {
    add_undefined(set, "weight_balancedness_relative", "both weights are 0");
  }
}

}  // namespace collapscope
