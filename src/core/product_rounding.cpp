#include "core/product_rounding.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/vector_math.hpp"

namespace collapscope {

namespace {

constexpr double float_roundoff = 0x1p-24;  // unit roundoff

// Columns so short that u tr S covers all of their products count with that.
double largest_error(const Matrix& scatter, const std::vector<double>& error, double unit) {
  const double negligible = unit * unit * trace(scatter);
  double largest = 0;
  for (std::size_t j = 0; j < error.size(); ++j) {
    const double size = scatter(j, j) + negligible;
    const double share = size > 0 ? std::abs(error[j]) / size : 0;
    largest = std::isfinite(share) ? std::max(largest, share) : std::numeric_limits<double>::infinity();
  }
  return largest;
}

double largest_error(const Moments& moments, double unit) {
  return std::max(largest_error(moments.feature_scatter.products, moments.scatter_error, unit),
                  largest_error(moments.normalized_scatter.products, moments.normalized_scatter_error, unit));
}

}  // namespace

double product_rounding(const Moments& moments) {
  if (moments.scatter_error.empty()) {
    return 0;
  }
  const double largest = largest_error(moments, float_roundoff);
  const double rows = static_cast<double>(moments.count);
  return 4 * largest + 2 * float_roundoff * std::sqrt(std::min(1.0, 1024 / rows));
}

double emulated_rounding(const Moments& moments) {
  constexpr double eps = std::numeric_limits<double>::epsilon();
  const double rounding = 4 * largest_error(moments, eps);
  return rounding <= static_cast<double>(moments.features()) * eps ? 0 : rounding;
}

}  // namespace collapscope
