// The eigenpairs of a layer's covariance and of its second moment, as far as the metrics need them.
#pragma once

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/backend/backend.hpp"
#include "collapscope/metrics/summaries.hpp"

namespace collapscope {

// As many eigenpairs of S_HH as the metrics need; of few rows those that are not 0. error: of the matrix
// beyond float64's.
[[nodiscard]] Eigenbasis centred_basis(const Matrix& covariance, const LayerSummary& layer,
                                       const LayerNeeds& needs, double error, Backend& backend);

// Eigenpairs of (1/N) H^T H, and S_HY [d, n], both in the coordinates of the features or, `turned`, in those
// of the centred basis.
struct UncentredBasis {
  Eigenbasis basis;
  Matrix cross_covariance;
  bool turned = false;  // the axes are those of the centred basis or of:
  Eigenbasis extended;  // that one with what spans the mean; empty: not needed
};

// covariance: S_HH; used up.
[[nodiscard]] UncentredBasis uncentred_basis(const LayerSummary& layer, Matrix& covariance, double error,
                                             Backend& backend);

}  // namespace collapscope
