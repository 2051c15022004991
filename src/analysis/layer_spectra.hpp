// The eigenpairs of a layer's covariance and of its second moment, as far as the metrics need them.
#pragma once

#include "backend/turns.hpp"
#include "collapscope/analysis/analysis.hpp"
#include "collapscope/backend/backend.hpp"
#include "collapscope/metrics/summaries.hpp"

namespace collapscope {

// As many eigenpairs of S_HH as the metrics need; of few rows those that may not be 0. known: what a device
// has of it; error: of the matrix beyond float64's.
[[nodiscard]] Eigenbasis centred_basis(const Scatter& scatter, const DeviceSums& known,
                                       const LayerSummary& layer, const LayerNeeds& needs, double error,
                                       Backend& backend);

// Eigenpairs of (1/N) H^T H, in the coordinates of the features or, `turned`, in those of the centred basis.
struct UncentredBasis {
  Eigenbasis basis;
  Matrix coordinates;  // of S_HY's columns along its vectors [n, .]
  bool turned = false;
  Eigenbasis extended;  // the centred basis with what spans the mean, where that takes more; else empty

  // The basis in whose coordinates this one is, when turned.
  [[nodiscard]] const Eigenbasis& axes(const Eigenbasis& centred) const {
    return extended.values.empty() ? centred : extended;
  }
  // Rows along the vectors as rows of features [., d].
  [[nodiscard]] Matrix combinations(const Matrix& rows, const Eigenbasis& centred) const;
};

// cross_rows: S_HY^T [n, d]. covariance: S_HH; used up. computing: of a device, taken where it decomposes.
[[nodiscard]] UncentredBasis uncentred_basis(const LayerSummary& layer, const Matrix& cross_rows,
                                             Scatter& covariance, double error, Backend& backend,
                                             HeldTurn* computing = nullptr);

}  // namespace collapscope
