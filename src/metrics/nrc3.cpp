// NRC3: the weights' Gram matrix against the shifted root of the target covariance.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "collapscope/core/error.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "core/vector_math.hpp"

namespace collapscope {

namespace {

double inner(const Matrix& a, const Matrix& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.values().size(); ++i) {
    sum += a.values()[i] * b.values()[i];
  }
  return sum;
}

Matrix minus_diagonal(const Matrix& a, double s) {
  Matrix out = a;
  for (std::size_t i = 0; i < a.rows(); ++i) {
    out(i, i) -= s;
  }
  return out;
}

std::optional<double> scaled_nrc3(const Matrix& gram, const Matrix& root, double shift) {
  const Matrix target = minus_diagonal(root, shift);
  const double gram_norm = std::sqrt(inner(gram, gram));
  const double target_norm = std::sqrt(inner(target, target));
  // Where S is a multiple of I, the far end of gamma's range leaves only rounding.
  if (!(gram_norm > 0) || target_norm <= 1e-12 * std::sqrt(inner(root, root))) {
    return std::nullopt;
  }
  double sum = 0;
  for (std::size_t i = 0; i < gram.values().size(); ++i) {
    const double difference = gram.values()[i] / gram_norm - target.values()[i] / target_norm;
    sum += difference * difference;
  }
  return sum;
}

// Near 1, by a power of two: squares of squares neither overflow nor vanish.
double scale_of(const Matrix& a) {
  const auto largest = std::ranges::max_element(a.values(), {}, [](double value) { return std::abs(value); });
  return a.empty() || !(std::abs(*largest) > 0) || !std::isfinite(*largest)
             ? 1
             : std::ldexp(1.0, std::ilogb(*largest));
}

Matrix over(Matrix a, double scale) {
  for (double& value : a.values()) {
    value /= scale;
  }
  return a;
}

}  // namespace

std::optional<double> nrc3(const Matrix& gram, const Matrix& root, double gamma) {
  if (!(gamma >= 0)) {
    throw UsageError(fmt::format("found a gamma of {}; expected 0 or more", gamma));
  }
  const double scale = scale_of(root);
  return scaled_nrc3(over(gram, scale_of(gram)), over(root, scale), std::sqrt(gamma) / scale);
}

std::optional<Nrc3Minimum> nrc3_minimum(const Matrix& any_gram, const Matrix& any_root, double lambda_min) {
  const double scale = scale_of(any_root);
  const Matrix gram = over(any_gram, scale_of(any_gram));
  const Matrix root = over(any_root, scale);
  // The cosine between G and S - s I, s = sqrt(gamma), has one stationary point.
  const double n = static_cast<double>(root.rows());
  const double gram_root = inner(gram, root);
  const double gram_trace = trace(gram);
  const double root_square = inner(root, root);
  const double root_trace = trace(root);
  const double end = std::sqrt(std::max(lambda_min, 0.0)) / scale;
  const double denominator = gram_trace * root_trace - gram_root * n;
  const double stationary =
      denominator == 0 ? 0 : (gram_trace * root_square - gram_root * root_trace) / denominator;
  std::optional<Nrc3Minimum> best;
  for (const double s : std::array{0.0, end, stationary > 0 && stationary < end ? stationary : 0.0}) {
    if (const auto value = scaled_nrc3(gram, root, s); value && (!best || *value < best->value)) {
      best = Nrc3Minimum{*value, s * scale * (s * scale)};
    }
  }
  return best;
}

}  // namespace collapscope
