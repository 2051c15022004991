#include "metrics/unbiased_cka.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include "core/vector_math.hpp"
#include "linalg/scatter_products.hpp"

namespace collapscope {

namespace {

struct Difference {
  double value = 0;
  double rounding = 0;
};

// Row by row, so that the sum's own rounding is small.
double square(const Matrix& a) {
  double sum = 0;
  for (const double of_row : row_products(a, [&](std::size_t i) { return a.view().row(i); })) {
    sum += of_row;
  }
  return sum;
}

// fourth: sum of a b; units: of rounding, of one sum.
Difference hsic(double n, double cross, double fourth, double trace_a, double trace_b, double units) {
  const double correction = n / (n - 2) * fourth;
  const double traces = trace_a * trace_b / ((n - 1) * (n - 2));
  const double value = cross - correction + traces;
  const double rounding = units * std::numeric_limits<double>::epsilon() * (cross + correction + traces);
  return {std::abs(value) <= rounding ? 0 : value, rounding};
}

// The mean of |x_i - x_j|^2 |x_k - x_l|^2 / 4 over different i, j, k, l, times N (N - 3); fourth: sum |x|^4.
Difference squared_variance(double n, double square, double fourth, double trace, double units) {
  const double pairs = (n - 1) * (n - 2);
  const double whole = trace * trace;
  const double correction = n / (n - 2) * fourth;
  const double value = (1 - 1 / pairs) * whole + 2 / pairs * square - correction;
  const double rounding = units * std::numeric_limits<double>::epsilon() * (whole + square + correction);
  return {value, rounding};
}

// What the targets y, centred, add to the sums of the features.
struct TargetFourths {
  double cross_square = 0;  // |X^T Y|_F^2
  double square = 0;        // |Y^T Y|_F^2
  double trace = 0;         // sum |y|^2
  double ab = 0;            // sum |x|^2 |y|^2
  double bb = 0;            // sum |y|^4
};

TargetFourths of_targets(const Moments& moments) {
  return {square(moments.cross_scatter), square(moments.target_scatter), trace(moments.target_scatter),
          moments.unbiased.ab, moments.unbiased.bb};
}

// Of one-hot labels: |y|^2 of a row of class c is 1 - 2 p_c + sum p^2.
TargetFourths of_classes(const Moments& moments) {
  const ClassSums& classes = moments.classes;
  const double n = static_cast<double>(moments.count);
  double squares = 0;   // sum p^2
  double fourths = 0;   // sum p^4
  double products = 0;  // sum (p (1 - p))^2
  for (const double count : classes.counts) {
    const double p = count / n;
    squares += p * p;
    fourths += p * p * p * p;
    products += p * (1 - p) * p * (1 - p);
  }
  TargetFourths found;
  found.square = n * n * (products + squares * squares - fourths);
  found.trace = n * (1 - squares);
  Vector step = classes.pilot;
  add_scaled(step, -1.0, moments.feature_mean);
  const double step_square = dot(step, step);
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const double count = classes.counts[c];
    const double b = 1 - 2 * count / n + squares;
    const auto sums = classes.sums.view().row(c);
    const double along = std::inner_product(sums.begin(), sums.end(), step.begin(), 0.0);
    double sum_square = 0;
    for (std::size_t j = 0; j < step.size(); ++j) {
      const double sum = sums[j] + count * step[j];
      sum_square += sum * sum;
    }
    found.cross_square += sum_square;
    found.ab += b * (classes.squares[c] + 2 * along + count * step_square);
    found.bb += count * b * b;
  }
  return found;
}

}  // namespace

UnbiasedHsic unbiased_hsic(const Moments& moments) {
  if (moments.count <= 3) {
    return {};
  }
  const double n = static_cast<double>(moments.count);
  const double d = static_cast<double>(moments.features());
  const double units = 4 * (std::sqrt(n) + std::sqrt(d));
  const double a = trace(moments.feature_scatter);
  const double feature_square = linalg::square_norm(moments.feature_scatter);
  const TargetFourths targets = moments.classes.empty() ? of_targets(moments) : of_classes(moments);
  const double b = targets.trace;
  const Difference xx = hsic(n, feature_square, moments.unbiased.aa, a, a, units);
  const Difference xy = hsic(n, targets.cross_square, targets.ab, a, b, units);
  const Difference yy = hsic(n, targets.square, targets.bb, b, b, units);
  UnbiasedHsic found{xx.value, xy.value, yy.value};
  const Difference traces = squared_variance(n, feature_square, moments.unbiased.aa, a, units);
  found.traces = traces.value;
  if (xx.value > 0 && traces.value > 0) {
    found.participation_rounding = xx.rounding / xx.value + traces.rounding / traces.value;
  }
  if (xx.value > 0 && yy.value > 0) {
    const double scale = std::sqrt(xx.value) * std::sqrt(yy.value);
    found.cka_rounding = xy.rounding / scale +
                         std::abs(xy.value) / scale * (xx.rounding / xx.value + yy.rounding / yy.value) / 2;
  }
  return found;
}

}  // namespace collapscope
