// The second look: what is left of each row outside a subspace, summed without cancellation.
#pragma once

#include <cstdint>

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

// All residual sums of one layer.
struct ResidualSums {
  std::uint64_t count = 0;
  SubspaceResiduals signal;        // outside the top-k eigenspace V_k
  SubspaceResiduals weight;        // outside the row space of W (zero when there is no such basis)
  std::uint64_t rows_at_mean = 0;  // |h - mean(h)| <= d eps rms: the direction of x is rounding
  double affine = 0;               // |y - mean(y) - (h - mean(h)) B|^2, B the truncated least-squares map
  double published = 0;            // |y - mean(y) - h B'|^2, B' = pinv(H, 1e-3) (Y - mean(Y)), H not centred
  // (both zero when there is no such map)

  ResidualSums& operator+=(const ResidualSums& other);
};

// Adds `part` to `whole`.
inline void merge(ResidualSums& whole, const ResidualSums& part) { whole += part; }

}  // namespace collapscope
