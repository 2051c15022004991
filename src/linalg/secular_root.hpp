// One root of the secular equation, to the accuracy that eigenvectors need.
#pragma once

#include <cstddef>
#include <span>

namespace collapscope::linalg {

// 1/rho + sum over j of z_j^2 / (d_j - x) = 0, with d ascending, no two equal, no z_j = 0, rho > 0.
struct SecularEquation {
  std::span<const double> d;
  std::span<const double> z;
  double rho;
};

// Root i, which lies between d_i and d_{i+1}, the last one between d_i and d_i + rho |z|^2. gaps: d_j - root,
// each to a few roundings of its own size. Middle way of R.-C. Li: Solving secular equations stably and
// efficiently, LAPACK working note 89 (1993), within bounds that halve where it makes no way.
[[nodiscard]] double secular_root(const SecularEquation& equation, std::size_t i, std::span<double> gaps);

// values[j] *= gaps[j] / (d[j] - pole)
void multiply_by_ratios(std::span<const double> gaps, std::span<const double> d, double pole,
                        std::span<double> values);

}  // namespace collapscope::linalg
