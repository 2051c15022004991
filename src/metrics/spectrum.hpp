// Measures of how many directions a spectrum uses. Where it is not full, what needs more of it is undefined.
#pragma once

#include <span>
#include <string>

#include "collapscope/linalg/eigenbasis.hpp"
#include "collapscope/results/results.hpp"

namespace collapscope {

// <prefix>_stable_rank, _stable_rank_cov, _participation_ratio, _effective_rank of a covariance with this
// spectrum (non-negative). Undefined with zero variance.
void add_spectrum_summary(MetricSet& set, const std::string& prefix, const Eigenbasis& spectrum);

// feature_dims_90, _95, _99: components whose share of the variance reaches that.
void add_dims(MetricSet& set, const Eigenbasis& spectrum);

// RankMe (Garrido et al. 2023): exp of the entropy of the singular values of the uncentred features, given
// the eigenvalues of (1/N) H^T H; singular values at most 1e-6 of the largest count as 0. In [1, d].
void add_rankme(MetricSet& set, std::span<const double> uncentred);

// Shares lambda_j / sum of the first `top` values.
void add_evr(MetricSet& set, const Eigenbasis& spectrum, std::size_t top);

}  // namespace collapscope
