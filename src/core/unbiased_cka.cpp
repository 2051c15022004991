#include "core/unbiased_cka.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include "core/vector_math.hpp"

namespace collapscope {

namespace {

struct Difference {
  double value = 0;
  double rounding = 0;
};

// Row by row, so that the sum's own rounding is small.
double square(const Matrix& a) {
  double sum = 0;
  for (std::size_t i = 0; i < a.rows(); ++i) {
    const auto row = a.view().row(i);
    sum += std::inner_product(row.begin(), row.end(), row.begin(), 0.0);
  }
  return sum;
}

// fourth: sum of a b; units: of rounding, of one sum.
Difference hsic(double n, const Matrix& scatter, double fourth, double trace_a, double trace_b,
                double units) {
  const double cross = square(scatter);
  const double correction = n / (n - 2) * fourth;
  const double traces = trace_a * trace_b / ((n - 1) * (n - 2));
  const double value = cross - correction + traces;
  const double rounding = units * std::numeric_limits<double>::epsilon() * (cross + correction + traces);
  return {std::abs(value) <= rounding ? 0 : value, rounding};
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
  const double b = trace(moments.target_scatter);
  const Difference xx = hsic(n, moments.feature_scatter, moments.unbiased.aa, a, a, units);
  const Difference xy = hsic(n, moments.cross_scatter, moments.unbiased.ab, a, b, units);
  const Difference yy = hsic(n, moments.target_scatter, moments.unbiased.bb, b, b, units);
  UnbiasedHsic found{xx.value, xy.value, yy.value, 0};
  if (xx.value > 0 && yy.value > 0) {
    const double scale = std::sqrt(xx.value) * std::sqrt(yy.value);
    found.cka_rounding = xy.rounding / scale +
                         std::abs(xy.value) / scale * (xx.rounding / xx.value + yy.rounding / yy.value) / 2;
  }
  return found;
}

}  // namespace collapscope
