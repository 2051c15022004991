// The families of layer metrics; each adds its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collapscope/metrics/summaries.hpp"
#include "collapscope/results/results.hpp"

namespace collapscope {

inline constexpr const char* zero_variance = "zero variance";
inline constexpr const char* ill_conditioned = "ill-conditioned subspace";
// Of an unbiased estimate's rounding beside it.
inline constexpr double debiased_tolerance = 1e-8;
inline constexpr double least_debiased = 1e-2;
inline constexpr const char* outweighed = "one row outweighs all others: rounding";
inline constexpr const char* needs_look = "needs a second look at the rows";
inline constexpr const char* few_eigenpairs = "needs more eigenpairs";

// With float32 products a number without a floor that rounding may move by more than this share of it is
// undefined.
inline constexpr double fast_tolerance = 1e-4;
// What float64 may move a difference of moments by, of its size, before it says nothing: an estimate that is
// some ten times too large.
inline constexpr double one_look_tolerance = 1e-6;
// Why the unbiased HSIC of the layer, or of its targets, is of no use.
[[nodiscard]] const char* no_hsic(const LayerSummary& layer);

inline constexpr const char* not_in_fast_precision = "not in fast precision";

// What is said of a number that rounding may move by this share of it; empty: nothing.
[[nodiscard]] std::string precision_note(double share);

// The gap behind the signal subspace is below 1e-8 lambda_1, or so small that float32 products turn it by
// more than 1e-3: which subspace it is, is rounding.
[[nodiscard]] bool subspace_is_ill_conditioned(const LayerSummary& layer);

// The share of the variance outside the signal subspace, which the spectrum must have.
[[nodiscard]] double variance_outside(const LayerSummary& layer);

// (1/N) sum |h~|^2 outside the first `count` rows of an orthonormal basis, from T, which the layer must have.
[[nodiscard]] double normalized_remainder(const LayerSummary& layer, const Matrix& basis, std::size_t count);

// nrc1*, nrc2*, nrc3*: Andriopoulos et al. 2024.
void add_nrc(MetricSet& set, const LayerSummary& layer, const TargetSummary& targets);
void add_nrc3(MetricSet& set, const LayerSummary& layer, const TargetSummary& targets);

// deep_nrc*, linear_*: Rangamani and Unal 2026.
void add_deep_nrc(MetricSet& set, const LayerSummary& layer, const TargetSummary& targets);

// target_cca.
void add_canonical(MetricSet& set, const LayerSummary& layer, const TargetSummary& targets);

// feature_participation_ratio_debiased.
void add_debiased_participation(MetricSet& set, const LayerSummary& layer);

// Of them what classification has, too.
void add_deep_nrc_of_classes(MetricSet& set, const LayerSummary& layer, const TargetSummary& targets);

// Of classification: nc1* to nc4*, ncc_accuracy.
void add_classes(MetricSet& set, const LayerSummary& layer);
void add_class_targets(MetricSet& set, const ClassTargets& classes);
inline constexpr const char* one_class = "one class";
inline constexpr const char* means_coincide = "all class means coincide";
// nc1*, within_variance; pairs null: they are not gone through.
struct PairSums;
void add_nc1_family(MetricSet& set, const LayerSummary& layer, const PairSums* pairs);
// Why there is nothing between the classes; empty: there is.
[[nodiscard]] const char* no_between(const LayerSummary& layer);
// Mean of |h - mu_c|^2 in each class [K], as exact as it is known.
[[nodiscard]] std::vector<double> variances_within(const LayerSummary& layer);

// weight_balancedness, weight_balancedness_relative.
void add_balancedness(MetricSet& set, const LayerSummary& layer);

// weight_stable_rank, weight_rank, weight_condition.
void add_weight_rank(MetricSet& set, const LayerSummary& layer);

// weight_*, ufm_gram_error.
void add_weight(MetricSet& set, const LayerSummary& layer, const TargetSummary& targets);

}  // namespace collapscope
