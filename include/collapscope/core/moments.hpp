// Mergeable float64 moments of a layer's features and targets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "collapscope/core/classes.hpp"
#include "collapscope/core/matrix.hpp"
#include "collapscope/core/scatter.hpp"

namespace collapscope {

// Fourth-order sums for the unbiased HSIC, all about the means: with x = h - mean(h), y' = y - mean(y),
// a = |x|^2, b = |y'|^2 (Song et al. 2012; Nguyen et al. 2021).
struct UnbiasedSums {
  double aa = 0;            // sum a^2
  double ab = 0;            // sum a b
  double bb = 0;            // sum b^2
  std::vector<double> a_x;  // sum a x   [d]
  std::vector<double> a_y;  // sum a y'  [n]
  std::vector<double> b_x;  // sum b x   [d]
  std::vector<double> b_y;  // sum b y'  [n]
};

// Sums over N rows of features h [d] and targets y [n]. A value: the empty one (count 0) is the identity
// of `merge`; merging parts in any order gives the whole up to rounding. Where the rows are few, both
// scatters hold them, a row for each: of feature_scatter about the mean.
struct Moments {
  std::uint64_t count = 0;
  std::vector<double> feature_mean;  // [d]
  std::vector<double> target_mean;   // [n]
  Scatter feature_scatter;           // sum x x^T    [d, d]
  Matrix cross_scatter;              // sum x y'^T   [d, n]
  Matrix target_scatter;             // sum y' y'^T  [n, n], symmetric
  UnbiasedSums unbiased;
  double norm_sum = 0;          // sum |h|
  std::uint64_t zero_rows = 0;  // rows with |h| = 0 exactly
  Scatter normalized_scatter;   // sum h h^T / |h|^2 over non-zero rows [d, d]; empty when not wanted
  // Of float32 products, empty without: what they made of the scatters' diagonals less these themselves,
  // which are summed in float64. It tells how far the other entries may be off.
  std::vector<double> scatter_error;             // [d]
  std::vector<double> normalized_scatter_error;  // [d]
  ClassSums classes;  // of classification, whose targets are classes, with n = 0; else empty

  Moments() = default;
  Moments(std::size_t features, std::size_t targets, bool with_normalized_scatter);
  // With these matrices [d, d], of which the second may be empty.
  Moments(std::size_t targets, Matrix scatter, Matrix normalized);

  [[nodiscard]] std::size_t features() const { return feature_mean.size(); }
  [[nodiscard]] std::size_t targets() const { return target_mean.size(); }
};

// Whether all sums have the sizes that the numbers of features, targets and rows give them.
[[nodiscard]] bool is_consistent(const Moments& moments);

// Adds `part` to `whole` (Chan, Golub, LeVeque 1983; for the fourth-order sums the exact shift formulas).
// Throws UsageError when the shapes differ or are not consistent; either may be empty.
void merge(Moments& whole, const Moments& part);

}  // namespace collapscope
