#include "core/unbiased.hpp"

namespace collapscope {

namespace {

// What a displacement by (x, y) adds, from scatters about the means, where sum x = 0 and sum y' = 0:
// a = |x|^2 becomes a + 2 shift.x + alpha, and so on for all products.
class Displacement {
 public:
  Displacement(const Moments& part, const Vector& shift_x, const Vector& shift_y, const Sharing& sharing = {})
      : x_(shift_x),
        y_(shift_y),
        n_(static_cast<double>(part.count)),
        alpha_(dot(x_, x_)),
        beta_(dot(y_, y_)),
        sum_a_(trace(part.feature_scatter)),
        sum_b_(trace(part.target_scatter)),
        hh_x_(part.feature_scatter.holds_rows() ? product(part.feature_scatter, x_)
                                                : product(part.feature_scatter.products, x_, sharing)),
        yy_y_(product(part.target_scatter, y_)),
        hy_y_(product(part.cross_scatter, y_)),
        yh_x_(transposed_product(part.cross_scatter, x_)) {}

  // Adds sign times the change of the four vectors.
  void add_vectors(UnbiasedSums& to, double sign) const {
    add_scaled(to.a_x, sign * (sum_a_ + n_ * alpha_), x_);
    add_scaled(to.a_x, sign * 2.0, hh_x_);
    add_scaled(to.a_y, sign * (sum_a_ + n_ * alpha_), y_);
    add_scaled(to.a_y, sign * 2.0, yh_x_);
    add_scaled(to.b_x, sign * (sum_b_ + n_ * beta_), x_);
    add_scaled(to.b_x, sign * 2.0, hy_y_);
    add_scaled(to.b_y, sign * (sum_b_ + n_ * beta_), y_);
    add_scaled(to.b_y, sign * 2.0, yy_y_);
  }

  // Adds sign times the change of the three scalars; `centred` holds the vectors about the means.
  void add_scalars(UnbiasedSums& to, const UnbiasedSums& centred, double sign) const {
    to.aa +=
        sign * (4 * dot(x_, hh_x_) + 4 * dot(x_, centred.a_x) + 2 * alpha_ * sum_a_ + n_ * alpha_ * alpha_);
    to.ab += sign * (4 * dot(x_, hy_y_) + 2 * dot(y_, centred.a_y) + 2 * dot(x_, centred.b_x) +
                     beta_ * sum_a_ + alpha_ * sum_b_ + n_ * alpha_ * beta_);
    to.bb += sign * (4 * dot(y_, yy_y_) + 4 * dot(y_, centred.b_y) + 2 * beta_ * sum_b_ + n_ * beta_ * beta_);
  }

 private:
  const Vector& x_;
  const Vector& y_;
  double n_;
  double alpha_;
  double beta_;
  double sum_a_;
  double sum_b_;
  Vector hh_x_;  // scatter_HH x  [d]
  Vector yy_y_;  // scatter_YY y  [n]
  Vector hy_y_;  // scatter_HY y  [d]
  Vector yh_x_;  // scatter_YH x  [n]
};

}  // namespace

UnbiasedSums displaced(const Moments& part, const Vector& shift_x, const Vector& shift_y) {
  const Displacement change(part, shift_x, shift_y);
  UnbiasedSums sums = part.unbiased;
  change.add_scalars(sums, part.unbiased, 1.0);
  change.add_vectors(sums, 1.0);
  return sums;
}

UnbiasedSums recentred(UnbiasedSums sums, const Moments& part, const Vector& shift_x, const Vector& shift_y,
                       const Sharing& sharing) {
  const Displacement change(part, shift_x, shift_y, sharing);
  change.add_vectors(sums, -1.0);
  const UnbiasedSums centred = sums;
  change.add_scalars(sums, centred, -1.0);
  return sums;
}

}  // namespace collapscope
