// Floors: the values under which a remainder says nothing about the network.
//
// Two sources, the larger counts. Arithmetic: a remainder taken as a difference of sums near 1 (one look)
// carries d eps; one whose rows are projected and then squared (two looks) carries (d eps)^2, magnified by
// how well the subspace itself is known. Input: features stored with unit roundoff u carry noise of variance
// u^2/3 E[h_j^2] per entry.
//
// With float32 products, which are off by e tr S_HH at most (core/product_rounding.hpp), one look carries d
// e, and the signal subspace is turned by t = 2 e tr S_HH / (lambda_k - lambda_(k+1)); a share outside it is
// right to its floor f >= t^2 in the sense |sqrt(value) - sqrt(right one)| <= sqrt(f).
#pragma once

#include "collapscope/metrics/summaries.hpp"

namespace collapscope {

// How far rounding can turn V_k: the sine of the largest angle, at most 1.
[[nodiscard]] double subspace_rounding(const LayerSummary& layer);

class Floors {
 public:
  Floors(const LayerSummary& layer, const TargetSummary& targets);

  // Share of the normalized rows: nrc1.
  [[nodiscard]] double normalized() const;
  // Of the mean square of the rows: nrc1_unnormalized.
  [[nodiscard]] double unnormalized() const;
  // The same outside the weight's row space: nrc2, nrc2_unnormalized.
  [[nodiscard]] double weight_normalized() const;
  [[nodiscard]] double weight_unnormalized() const;
  // Share of the variance: deep_nrc1.
  [[nodiscard]] double variance_share() const;
  // nrc1_centered: as above, and rows that lie at the mean have no direction but rounding's.
  [[nodiscard]] double centred_directions() const;
  // deep_nrc1_squared.
  [[nodiscard]] double squared_share() const;
  // linear_mse, deep_nrc4: mean square of an entry of the targets; map_rounding: what float32 products do to
  // the map.
  [[nodiscard]] double linear_error(double map_rounding) const;

 private:
  double arithmetic_;         // of a share outside V_k
  double least_arithmetic_;   // of the variance outside V_k
  double known_arithmetic_;   // of a share outside a subspace that the products do not decide
  double weight_arithmetic_;  // of one outside the row space of W
  double input_;              // u^2 / 3
  double mean_square_;        // E |h|^2
  double noise_share_;        // (u^2/3) E |h|^2 / tr S_HH
  double squared_noise_ = 0;  // what that noise adds to sum lambda_j^2 / sum lambda^2
  double squared_rounding_;   // (d eps)^2
  double rows_at_mean_;       // share
  double target_variance_;    // per component
  double target_noise_;       // of the stored targets, per component
};

}  // namespace collapscope
