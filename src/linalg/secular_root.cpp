#include "linalg/secular_root.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "linalg/eight.hpp"

namespace collapscope::linalg {

namespace {

constexpr double root_epsilon = std::numeric_limits<double>::epsilon();
// Bounds are halved at least every other time, on a scale of exponents: 2 * 64 steps are never needed.
constexpr int most_steps = 200;

// Of some poles, with x = origin + step: the sum of z^2 / (d - x), and its derivative.
struct PoleSums {
  double value = 0;
  double slope = 0;
};

[[gnu::always_inline]] inline PoleSums sums_of(const double* d, const double* z, std::size_t count,
                                               double origin, double step) {
  Eight values{};
  Eight slopes{};
  std::size_t j = 0;
  for (; j + 8 <= count; j += 8) {
    Eight pole;
    Eight part;
    load(pole, d + j);
    load(part, z + j);
    const Eight term = part / ((pole - origin) - step);
    values += part * term;
    slopes += term * term;
  }
  PoleSums found;
  for (; j < count; ++j) {
    const double term = z[j] / ((d[j] - origin) - step);
    found.value += z[j] * term;
    found.slope += term * term;
  }
  for (std::size_t k = 0; k < 8; ++k) {
    found.value += values[k];
    found.slope += slopes[k];
  }
  return found;
}

[[gnu::always_inline]] inline void ratios_of(const double* gaps, const double* d, double pole,
                                             std::size_t count, double* values) {
  for (std::size_t j = 0; j < count; ++j) {
    values[j] *= gaps[j] / (d[j] - pole);
  }
}

struct Loops {
  PoleSums (*sums)(const double*, const double*, std::size_t, double, double);
  void (*ratios)(const double*, const double*, double, std::size_t, double*);
};

PoleSums plain_sums(const double* d, const double* z, std::size_t count, double origin, double step) {
  return sums_of(d, z, count, origin, step);
}
void plain_ratios(const double* gaps, const double* d, double pole, std::size_t count, double* values) {
  ratios_of(gaps, d, pole, count, values);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] PoleSums avx2_sums(const double* d, const double* z, std::size_t count, double origin,
                                           double step) {
  return sums_of(d, z, count, origin, step);
}
[[gnu::target("avx2")]] void avx2_ratios(const double* gaps, const double* d, double pole, std::size_t count,
                                         double* values) {
  ratios_of(gaps, d, pole, count, values);
}
[[gnu::target("avx512f")]] PoleSums avx512_sums(const double* d, const double* z, std::size_t count,
                                                double origin, double step) {
  return sums_of(d, z, count, origin, step);
}
[[gnu::target("avx512f")]] void avx512_ratios(const double* gaps, const double* d, double pole,
                                              std::size_t count, double* values) {
  ratios_of(gaps, d, pole, count, values);
}
#endif

Loops best_loops() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    return {avx512_sums, avx512_ratios};
  }
  if (__builtin_cpu_supports("avx2")) {
    return {avx2_sums, avx2_ratios};
  }
#endif
  return {plain_sums, plain_ratios};
}

const Loops& loops() {
  static const Loops found = best_loops();
  return found;
}

double squared(double a) { return a * a; }

// The equation between two neighbouring poles, or behind the last one. Steps are from the pole that is nearer
// to the root; its other side is the sign of the steps.
class Interval {
 public:
  Interval(const SecularEquation& of, std::size_t i) : of_(of), i_(i), is_last_(i + 1 == of.d.size()) {
    is_last_ ? begin_behind() : begin_between();
  }

  // The step from the origin to the root.
  [[nodiscard]] double solve() {
    double before = std::numeric_limits<double>::infinity();
    for (int n = 0; n < most_steps; ++n) {
      const PoleSums left = sums(0, i_ + 1);
      const PoleSums right = sums(i_ + 1, of_.d.size());
      const double f = 1 / of_.rho + left.value + right.value;
      const double slope = left.slope + right.slope;
      const double sizes = 1 / of_.rho - left.value + right.value;
      if (!(std::abs(f) > root_epsilon * (8 * sizes + std::abs(step_) * slope))) {
        break;
      }
      (f > 0 ? most_ : least_) = step_;
      const bool is_slow = std::abs(f) > before / 4;
      before = std::abs(f);
      double next = step_ + (is_last_ ? step_behind(f, slope) : step_between(f, left.slope, right.slope));
      if (is_slow || !(next > least_ && next < most_)) {
        next = between();
        before = std::numeric_limits<double>::infinity();
      }
      if (next == step_ || !(next > least_ && next < most_)) {
        break;  // neighbouring numbers
      }
      step_ = next;
    }
    return step_;
  }

  [[nodiscard]] double origin() const { return of_.d[origin_]; }

 private:
  // Half way between the bounds, of the exponents.
  [[nodiscard]] double between() const {
    return std::copysign(std::sqrt(std::abs(least_)) * std::sqrt(std::abs(most_)), least_);
  }

  [[nodiscard]] PoleSums sums(std::size_t first, std::size_t last) const {
    return loops().sums(of_.d.data() + first, of_.z.data() + first, last - first, origin(), step_);
  }

  // The sign of the equation in the middle tells the nearer pole. All others there bound its part from below.
  void begin_between() {
    const double gap = of_.d[i_ + 1] - of_.d[i_];
    origin_ = i_;
    step_ = gap / 2;
    const double others = 1 / of_.rho + sums(0, i_).value + sums(i_ + 2, of_.d.size()).value;
    const double low = squared(of_.z[i_]);
    const double high = squared(of_.z[i_ + 1]);
    const double middle = others + (high - low) / step_;
    const double a = others * gap;
    if (middle > 0) {
      const double b = a + low + high;
      const double root = std::sqrt(std::max(0.0, squared(b) - 4 * low * gap * others));
      least_ = low / (others + high / step_) * (1 - 4 * root_epsilon);
      most_ = step_;
      begin_at(b > 0 ? 2 * low * gap / (b + root) : (b - root) / (2 * others));
    } else {
      const double b = a - low - high;
      const double root = std::sqrt(std::max(0.0, squared(b) + 4 * high * gap * others));
      origin_ = i_ + 1;
      most_ = high / (others - low / step_) * (1 - 4 * root_epsilon);
      least_ = -step_;
      begin_at(b < 0 ? 2 * high * gap / (b - root) : -(b + root) / (2 * others));
    }
  }

  void begin_behind() {
    origin_ = i_;
    double squares = 0;
    for (const double z : of_.z) {
      squares += squared(z);
    }
    step_ = most_ = of_.rho * squares * (1 + static_cast<double>(of_.z.size()) * root_epsilon);
    const double others = 1 / of_.rho + sums(0, i_).value;
    least_ = squared(of_.z[i_]) / others * (1 - 4 * root_epsilon);
    begin_at(squared(of_.z[i_]) / others);
  }

  void begin_at(double step) { step_ = step > least_ && step < most_ ? step : between(); }

  // Of the function c + s / (d_i - x) + t / (d_{i+1} - x) with this value and these slopes of its two sides.
  [[nodiscard]] double step_between(double f, double left, double right) const {
    const double low = (of_.d[i_] - origin()) - step_;
    const double high = (of_.d[i_ + 1] - origin()) - step_;
    const double c = f - low * left - high * right;
    const double a = (low + high) * f - low * high * (left + right);
    const double b = low * high * f;
    const double root = std::sqrt(std::max(0.0, squared(a) - 4 * b * c));
    const double step = a <= 0 ? (a - root) / (2 * c) : 2 * b / (a + root);
    return step * f < 0 ? step : -f / (left + right);
  }

  // Of the function c + s / (d_i - x).
  [[nodiscard]] double step_behind(double f, double slope) const { return -step_ * f / (f + step_ * slope); }

  const SecularEquation& of_;
  std::size_t i_;
  bool is_last_;
  std::size_t origin_ = 0;
  double step_ = 0;
  double least_ = 0;  // the root is between these steps
  double most_ = 0;
};

}  // namespace

double secular_root(const SecularEquation& equation, std::size_t i, std::span<double> gaps) {
  Interval interval(equation, i);
  const double step = interval.solve();
  for (std::size_t j = 0; j < gaps.size(); ++j) {
    gaps[j] = (equation.d[j] - interval.origin()) - step;
  }
  return interval.origin() + step;
}

void multiply_by_ratios(std::span<const double> gaps, std::span<const double> d, double pole,
                        std::span<double> values) {
  loops().ratios(gaps.data(), d.data(), pole, values.size(), values.data());
}

}  // namespace collapscope::linalg
