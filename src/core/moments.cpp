#include "collapscope/core/moments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

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

Vector scaled(const Vector& v, double scale) {
  Vector out(v.size(), 0.0);
  add_scaled(out, scale, v);
  return out;
}

// Rows about a mean that both parts have in common: what takes each part there.
struct Shifts {
  Vector whole;
  Vector part;
};

Matrix stacked(const Matrix& whole, const Matrix& part, const Shifts& shifts) {
  Matrix both(whole.rows() + part.rows(), whole.cols());
  for (std::size_t i = 0; i < both.rows(); ++i) {
    const bool is_whole = i < whole.rows();
    const auto x = is_whole ? whole.view().row(i) : part.view().row(i - whole.rows());
    std::ranges::transform(x, is_whole ? shifts.whole : shifts.part, both.view().row(i).begin(),
                           std::plus<>());
  }
  return both;
}

// weight: of the step's product, which takes the matrices of products to the common mean.
void merge(Scatter& whole, Scatter part, const Shifts& shifts, double weight, const Vector& step) {
  if (whole.holds_rows() && part.holds_rows() &&
      are_few_rows(whole.rows.rows() + part.rows.rows(), whole.order())) {
    whole.rows = stacked(whole.rows, part.rows, shifts);
    return;
  }
  whole.multiply_out();
  part.multiply_out();
  add(whole.products, part.products);
  if (weight > 0) {
    add_square(whole, weight, step);
  }
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
      a.scatter_error.size() != b.scatter_error.size() ||
      a.normalized_scatter_error.size() != b.normalized_scatter_error.size() ||
      a.classes.empty() != b.classes.empty()) {
    throw UsageError(
        fmt::format("moments of {} features and {} targets cannot be merged with moments of {} and {}",
                    a.features(), a.targets(), b.features(), b.targets()));
  }
  if (a.classes.has_unit() != b.classes.has_unit()) {
    throw UsageError("moments with class sums of normalized rows cannot be merged with moments without");
  }
  if (!is_consistent(a) || !is_consistent(b)) {
    throw UsageError(fmt::format(
        "moments whose sums have other sizes than {} features, {} targets and their rows give them "
        "cannot be merged",
        a.features(), a.targets()));
  }
}

}  // namespace

Moments::Moments(std::size_t features, std::size_t targets, bool with_normalized_scatter)
    : Moments(targets, Matrix(features, features),
              with_normalized_scatter ? Matrix(features, features) : Matrix()) {}

Moments::Moments(std::size_t targets, Matrix scatter, Matrix normalized)
    : feature_mean(scatter.rows(), 0.0),
      target_mean(targets, 0.0),
      feature_scatter(std::move(scatter)),
      cross_scatter(feature_mean.size(), targets),
      target_scatter(targets, targets),
      unbiased{0,
               0,
               0,
               Vector(feature_mean.size(), 0.0),
               Vector(targets, 0.0),
               Vector(feature_mean.size(), 0.0),
               Vector(targets, 0.0)},
      normalized_scatter(std::move(normalized)) {}

bool is_consistent(const Moments& moments) {
  const std::size_t d = moments.features();
  const std::size_t n = moments.targets();
  const auto is = [](const Matrix& a, std::size_t rows, std::size_t cols) {
    return a.rows() == rows && a.cols() == cols;
  };
  const auto fits = [&](const Scatter& scatter) {
    return scatter.holds_rows() ? scatter.products.empty() && is(scatter.rows, moments.count, d)
                                : is(scatter.products, d, d);
  };
  const auto is_error = [d](const std::vector<double>& error) { return error.empty() || error.size() == d; };
  const UnbiasedSums& u = moments.unbiased;
  return moments.count == 0 ||
         (fits(moments.feature_scatter) && is(moments.cross_scatter, d, n) &&
          is(moments.target_scatter, n, n) &&
          (moments.normalized_scatter.empty() || fits(moments.normalized_scatter)) && u.a_x.size() == d &&
          u.b_x.size() == d && u.a_y.size() == n && u.b_y.size() == n && is_error(moments.scatter_error) &&
          is_error(moments.normalized_scatter_error) && is_consistent(moments.classes, d));
}

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
  // Old mean minus new mean, for each of the two.
  const Shifts shifts{scaled(step_x, -n_part / n), scaled(step_x, n_whole / n)};
  whole.unbiased = sum(displaced(whole, shifts.whole, scaled(step_y, -n_part / n)),
                       displaced(part, shifts.part, scaled(step_y, n_whole / n)));
  const double weight = n_whole * n_part / n;
  merge(whole.feature_scatter, part.feature_scatter, shifts, weight, step_x);
  add(whole.cross_scatter, part.cross_scatter);
  add_outer(whole.cross_scatter, weight, step_x, step_y);
  add(whole.target_scatter, part.target_scatter);
  add_outer(whole.target_scatter, weight, step_y, step_y);
  const Vector origin(whole.features(), 0.0);
  merge(whole.normalized_scatter, part.normalized_scatter, {origin, origin}, 0, origin);
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
