// NRC3: the weights' Gram matrix against the shifted root of the target covariance.
#include <algorithm>
#include <array>
#include <cmath>

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

}  // namespace

std::optional<double> nrc3(const Matrix& gram, const Matrix& root, double gamma) {
  const Matrix target = minus_diagonal(root, std::sqrt(gamma));
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

std::optional<Nrc3Minimum> nrc3_minimum(const Matrix& gram, const Matrix& root, double lambda_min) {
  // The cosine between G and S - s I, s = sqrt(gamma), has one stationary point.
  const double n = static_cast<double>(root.rows());
  const double gram_root = inner(gram, root);
  const double gram_trace = trace(gram);
  const double root_square = inner(root, root);
  const double root_trace = trace(root);
  const double end = std::sqrt(std::max(lambda_min, 0.0));
  const double denominator = gram_trace * root_trace - gram_root * n;
  const double stationary =
      denominator == 0 ? 0 : (gram_trace * root_square - gram_root * root_trace) / denominator;
  std::optional<Nrc3Minimum> best;
  for (const double s : std::array{0.0, end, stationary > 0 && stationary < end ? stationary : 0.0}) {
    if (const auto value = nrc3(gram, root, s * s); value && (!best || *value < best->value)) {
      best = Nrc3Minimum{*value, s * s};
    }
  }
  return best;
}

}  // namespace collapscope
