#include "collapscope/core/moments.hpp"

#include <fmt/format.h>

#include "collapscope/core/error.hpp"
#include "core/unbiased.hpp"
#include "core/vector_math.hpp"

namespace collapscope {

namespace {

void add(Matrix& to, const Matrix& from) {
  for (std::size_t i = 0; i < to.values().size(); ++i) {
    to.values()[i] += from.values()[i];
  }
}

Vector difference(const Vector& a, const Vector& b) {
  Vector out(a);
  add_scaled(out, -1.0, b);
  return out;
}

UnbiasedSums sum(UnbiasedSums a, const UnbiasedSums& b) {
  a.aa += b.aa;
  a.ab += b.ab;
  a.bb += b.bb;
  add_scaled(a.a_x, 1.0, b.a_x);
  add_scaled(a.a_y, 1.0, b.a_y);
  add_scaled(a.b_x, 1.0, b.b_x);
  add_scaled(a.b_y, 1.0, b.b_y);
  return a;
}

void require_same_shape(const Moments& a, const Moments& b) {
  if (a.features() != b.features() || a.targets() != b.targets() ||
      a.normalized_scatter.empty() != b.normalized_scatter.empty() ||
      a.scatter_error.size() != b.scatter_error.size() || a.classes.empty() != b.classes.empty()) {
    throw UsageError(
        fmt::format("moments of {} features and {} targets cannot be merged with moments of {} and {}",
                    a.features(), a.targets(), b.features(), b.targets()));
  }
}

}  // namespace

Moments::Moments(std::size_t features, std::size_t targets, bool with_normalized_scatter)
    : feature_mean(features, 0.0),
      target_mean(targets, 0.0),
      feature_scatter(features, features),
      cross_scatter(features, targets),
      target_scatter(targets, targets),
      unbiased{
          0, 0, 0, Vector(features, 0.0), Vector(targets, 0.0), Vector(features, 0.0), Vector(targets, 0.0)},
      normalized_scatter(with_normalized_scatter ? Matrix(features, features) : Matrix()) {}

void merge(Moments& whole, const Moments& part) {
  if (part.count == 0) {
    return;
  }
  if (whole.count == 0) {
    whole = part;
    return;
  }
  require_same_shape(whole, part);
  const double n_whole = static_cast<double>(whole.count);
  const double n_part = static_cast<double>(part.count);
  const double n = n_whole + n_part;
  const Vector step_x = difference(part.feature_mean, whole.feature_mean);
  const Vector step_y = difference(part.target_mean, whole.target_mean);
  const auto scaled = [](const Vector& v, double scale) {
    Vector out(v.size(), 0.0);
    add_scaled(out, scale, v);
    return out;
  };
  // Old mean minus new mean, for each of the two.
  whole.unbiased = sum(displaced(whole, scaled(step_x, -n_part / n), scaled(step_y, -n_part / n)),
                       displaced(part, scaled(step_x, n_whole / n), scaled(step_y, n_whole / n)));
  const double weight = n_whole * n_part / n;
  add(whole.feature_scatter, part.feature_scatter);
  add_outer(whole.feature_scatter, weight, step_x, step_x);
  add(whole.cross_scatter, part.cross_scatter);
  add_outer(whole.cross_scatter, weight, step_x, step_y);
  add(whole.target_scatter, part.target_scatter);
  add_outer(whole.target_scatter, weight, step_y, step_y);
  add(whole.normalized_scatter, part.normalized_scatter);
  add_scaled(whole.scatter_error, 1.0, part.scatter_error);
  add_scaled(whole.normalized_scatter_error, 1.0, part.normalized_scatter_error);
  add_scaled(whole.feature_mean, n_part / n, step_x);
  add_scaled(whole.target_mean, n_part / n, step_y);
  merge(whole.classes, part.classes);
  whole.norm_sum += part.norm_sum;
  whole.zero_rows += part.zero_rows;
  whole.count += part.count;
}

}  // namespace collapscope
