// The second look: what is left of each row outside a subspace, summed without cancellation.
#pragma once

#include <cstdint>
#include <vector>

namespace collapscope {

// Sums over rows of squared norms outside the span of a basis Q with orthonormal columns.
// Mergeable by adding.
struct SubspaceResiduals {
  double plain = 0;               // |h - Q Q^T h|^2
  double normalized = 0;          // the same of h / |h|; zero rows add 0
  double centred = 0;             // of x = h - mean(h)
  double centred_normalized = 0;  // of x / |x|; zero rows add 0

  SubspaceResiduals& operator+=(const SubspaceResiduals& other);
};

// Of classification: what is left of each row r = h - mu_y beside the mean of its class.
struct ClassResiduals {
  std::uint64_t nearest_unlike = 0;  // rows whose nearest class mean is not the classifier's choice
  double whitened = 0;               // |A r|^2, A a root of the between-class covariance's pseudo-inverse
  double whitened_by_rows = 0;       // the same where every row counts once, not every class
  double whitened_unit = 0;          // of the rows h / |h|
  std::vector<double> squares;       // |r|^2 of each class [K]; empty: none
  std::vector<double> nearest_own;   // rows of each class whose nearest class mean is its own: whole numbers
                                     // [K]; empty: none

  ClassResiduals& operator+=(const ClassResiduals& other);
};

// All residual sums of one layer.
struct ResidualSums {
  std::uint64_t count = 0;
  SubspaceResiduals signal;        // outside the top-k eigenspace V_k
  SubspaceResiduals weight;        // outside the row space of W (zero when there is no such basis)
  std::uint64_t rows_at_mean = 0;  // |h - mean(h)| <= d eps rms: the direction of x is rounding
  double affine = 0;               // |y - mean(y) - (h - mean(h)) B|^2, B the truncated least-squares map
  double published = 0;            // |y - mean(y) - h B'|^2, B' = pinv(H, 1e-3) (Y - mean(Y)), H not centred
  // (both zero when there is no such map)
  ClassResiduals classes;

  ResidualSums& operator+=(const ResidualSums& other);
};

// Adds `part` to `whole`.
inline void merge(ResidualSums& whole, const ResidualSums& part) { whole += part; }

}  // namespace collapscope
