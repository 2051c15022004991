// Floors: the values under which a remainder says nothing about the network.
//
// Two sources, the larger counts. Arithmetic: a remainder taken as a difference of sums near 1 (one look)
// carries d eps; one whose rows are projected and then squared (two looks) carries (d eps)^2, magnified by
// how well the subspace itself is known. Input: features stored with unit roundoff u carry noise of variance
// u^2/3 E[h_j^2] per entry.
#pragma once

#include "collapscope/summaries.hpp"

namespace collapscope {

class Floors {
 public:
  Floors(const LayerSummary& layer, const TargetSummary& targets);

  // Share of the normalized rows: nrc1, nrc2.
  [[nodiscard]] double normalized() const;
  // Of the mean square of the rows: nrc1_unnormalized, nrc2_unnormalized.
  [[nodiscard]] double unnormalized() const;
  // Share of the variance: deep_nrc1.
  [[nodiscard]] double variance_share() const;
  // nrc1_centered: as above, and rows that lie at the mean have no direction but rounding's.
  [[nodiscard]] double centred_directions() const;
  // deep_nrc1_squared.
  [[nodiscard]] double squared_share() const;
  // linear_mse, deep_nrc4: mean square of an entry of the targets.
  [[nodiscard]] double linear_error() const;

 private:
  double arithmetic_;         // of a share
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
