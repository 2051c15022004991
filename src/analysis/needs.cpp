#include "analysis/needs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace collapscope {

namespace {

using Names = std::span<const std::string_view>;

// Below this order, or with more than one pair of eight, all pairs are as quick: bench/eigen_bench.cpp.
constexpr std::size_t least_order = 256;
constexpr std::size_t least_ratio = 8;

constexpr std::array<std::string_view, 6> of_all_pairs{"feature_effective_rank", "linear_mse", "linear_share",
                                                       "linear_excess",          "target_cca", "nc1_vci"};
constexpr std::array<std::string_view, 3> of_the_affine_map{"linear_mse", "linear_share", "linear_excess"};
// As differences, without a second look: the small eigenvalues are the result.
constexpr std::array<std::string_view, 2> of_all_pairs_in_one_look{"nrc1_unnormalized", "nrc2_unnormalized"};
// The signal subspace, or a floor that tells how well it is known: k + 1 pairs.
constexpr std::array<std::string_view, 11> of_the_signal{
    "nrc1",      "nrc1_unnormalized", "nrc1_centered",    "nrc2",      "nrc2_unnormalized",
    "deep_nrc1", "deep_nrc1_squared", "deep_nrc2_signal", "deep_nrc3", "deep_nrc3_cosines",
    "deep_nrc4"};
constexpr std::array<std::string_view, 2> of_the_first{"feature_stable_rank", "feature_stable_rank_cov"};
constexpr std::array<std::string_view, 2> of_uncentred_pairs{"deep_nrc4", "feature_rankme"};
constexpr std::array<std::string_view, 2> of_weight_residuals{"nrc2", "nrc2_unnormalized"};
constexpr std::array<std::string_view, 2> of_two_weights{"weight_balancedness",
                                                         "weight_balancedness_relative"};
constexpr std::array<std::string_view, 2> of_any_weight{"weight_stable_rank", "weight_condition"};
constexpr std::array<std::string_view, 14> of_the_classifier{"classes_empty",
                                                             "nc2_weight_equinorm",
                                                             "nc2_weight_mean_cosine",
                                                             "nc2_weight_equiangular",
                                                             "nc2_weight_max_angle",
                                                             "nc2_weight_etf",
                                                             "nc2_weight_seli",
                                                             "nc3_self_duality",
                                                             "nc3_etf",
                                                             "nc3_cosine",
                                                             "nc4_disagreement",
                                                             "deep_nrc3",
                                                             "deep_nrc3_cosines",
                                                             "weight_rank"};
// Of classification; all others of W take its rows.
constexpr std::array<std::string_view, 3> of_a_spectrum{"deep_nrc3", "deep_nrc3_cosines", "weight_rank"};
constexpr std::array<std::string_view, 13> of_the_weight{
    "nrc2",        "nrc2_unnormalized", "nrc3",          "nrc3_gamma",        "nrc3_gamma_over_lambda_min",
    "nrc3_ufm",    "nrc3_final_gamma",  "deep_nrc3",     "deep_nrc3_cosines", "weight_stable_rank",
    "weight_rank", "weight_condition",  "ufm_gram_error"};

// The first of the names that is wanted; empty: none.
std::string_view first_wanted(const MetricChoice& metrics, Names names) {
  const auto found =
      std::find_if(names.begin(), names.end(), [&](std::string_view name) { return metrics.wants(name); });
  return found == names.end() ? std::string_view() : *found;
}

double share_wanted(const MetricChoice& metrics) {
  return metrics.wants("feature_dims_99")   ? 0.99
         : metrics.wants("feature_dims_95") ? 0.95
         : metrics.wants("feature_dims_90") ? 0.90
                                            : 0;
}

// So many of the d largest that all metrics but those of all pairs can be had.
std::size_t few_pairs(const LayerPlan& plan, std::size_t signal_dim, const AnalysisOptions& options) {
  const MetricChoice& metrics = options.metrics;
  std::size_t pairs = 0;
  if (wants_any(metrics, of_the_first)) {
    pairs = 1;
  }
  if (metrics.wants("evr")) {
    pairs = std::max(pairs, options.top);
  }
  if (plan.looks == 2 || wants_any(metrics, of_the_signal)) {
    pairs = std::max(pairs, signal_dim + 1);
  }
  return share_wanted(metrics) > 0 ? std::max<std::size_t>(pairs, 10) : pairs;
}

void choose_pairs(LayerNeeds& needs, std::size_t d, const LayerPlan& plan, std::size_t signal_dim,
                  const AnalysisOptions& options) {
  std::string_view reason = first_wanted(options.metrics, of_all_pairs);
  if (reason.empty() && plan.looks == 1) {
    reason = first_wanted(options.metrics, of_all_pairs_in_one_look);
  }
  const std::size_t few = std::min(d, few_pairs(plan, signal_dim, options));
  const bool saves = few == 0 || (d >= least_order && few <= d / least_ratio);
  needs.pairs = d;
  if (options.spectrum == SpectrumChoice::full) {
    needs.reason = "all eigenpairs, as asked";
  } else if (options.spectrum == SpectrumChoice::leading) {
    needs.pairs = few;
    needs.reason = fmt::format("{} of {} eigenpairs, as asked", few, d);
  } else if (!reason.empty()) {
    needs.reason = fmt::format("all eigenpairs: {} needs them", reason);
  } else if (!saves) {
    needs.reason = fmt::format("all eigenpairs: {} of {} would save little", few, d);
  } else {
    needs.pairs = few;
    needs.variance_share = share_wanted(options.metrics);
    needs.reason =
        needs.variance_share > 0
            ? fmt::format("{} of {} eigenpairs, all if those hold less than {:.0f} % of the variance", few, d,
                          100 * needs.variance_share)
        : few == 0 ? "no eigenpairs: no metric needs them"
                   : fmt::format("{} of {} eigenpairs: no metric needs more", few, d);
  }
  const std::size_t not_zero =
      plan.few_rows ? static_cast<std::size_t>(std::max<std::uint64_t>(plan.rows, signal_dim + 1))
                    : pairs_of_few_rows(plan.rows, signal_dim, d);
  if (needs.pairs == d && not_zero > 0 && options.precision == Precision::float64) {
    needs.reason += fmt::format("; with {} rows {} hold all that are not 0", plan.rows, not_zero);
  }
}

}  // namespace

std::size_t pairs_of_few_rows(std::uint64_t rows, std::size_t signal_dim, std::size_t features) {
  constexpr std::size_t few_ratio = 4;
  constexpr std::size_t more = 8;  // for random vectors to span the range well
  const std::uint64_t pairs = std::max<std::uint64_t>(rows, signal_dim + 1) + more;
  return features >= least_order && pairs <= features / few_ratio ? pairs : 0;
}

bool wants_any(const MetricChoice& metrics, Names names) { return !first_wanted(metrics, names).empty(); }

LayerNeeds layer_needs(const LayerPlan& plan, std::size_t targets, const AnalysisOptions& options) {
  const std::size_t d = plan.format.row_length();
  LayerNeeds needs;
  const std::size_t signal = plan.classes > 0 ? plan.classes - 1 : targets;
  choose_pairs(needs, d, plan, std::min(d, options.signal_dim.value_or(signal)), options);
  const MetricChoice& metrics = options.metrics;
  const bool all = needs.pairs == d;
  const bool may_be_full = options.spectrum != SpectrumChoice::leading || all;
  needs.affine = all && wants_any(metrics, of_the_affine_map);
  needs.canonical = all && metrics.wants("target_cca");
  needs.uncentred = may_be_full && wants_any(metrics, of_uncentred_pairs);
  needs.published = may_be_full && metrics.wants("deep_nrc4");
  needs.weight = wants_any(metrics, of_the_weight) || wants_any(metrics, of_two_weights);
  needs.weight_spectrum = wants_any(metrics, of_the_weight);
  needs.weight_residuals = wants_any(metrics, of_weight_residuals);
  const bool compares = wants_any(metrics, of_two_weights);
  needs.no_balance = compares ? "" : "not compared";
  if (plan.classes > 0) {
    needs.affine = needs.canonical = needs.published = needs.weight_residuals = false;
    needs.uncentred = may_be_full && metrics.wants("feature_rankme");
    needs.weight = options.per_class || wants_any(metrics, of_the_classifier) ||
                   wants_any(metrics, of_any_weight) || compares;
    needs.weight_spectrum = wants_any(metrics, of_a_spectrum) || wants_any(metrics, of_any_weight);
  }
  return needs;
}

}  // namespace collapscope
