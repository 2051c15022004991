// The list of all metrics, and choosing among them.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "results/depth_name.hpp"

namespace collapscope {

namespace {

constexpr auto per_target = MetricScope::targets;
constexpr auto per_layer = MetricScope::layer;

constexpr auto over_depth = MetricScope::depth;

constexpr auto none = MetricTrend::none;
constexpr auto low = MetricTrend::low;
constexpr auto high = MetricTrend::high;
constexpr MetricRange any_number{};
constexpr MetricRange a_share{0, 1};
constexpr MetricRange not_negative{0, std::nullopt};
constexpr MetricRange at_least_one{1, std::nullopt};
constexpr MetricRange nrc3_range{0, 4};
constexpr MetricRange correlation{-1, 1};

constexpr std::array catalogue{
    MetricInfo{"target_dim", per_target, "number of target components n", at_least_one},
    MetricInfo{"target_lambda_min", per_target, "smallest eigenvalue of the target covariance S_YY",
               not_negative, none, true},
    MetricInfo{"target_lambda_max", per_target, "largest eigenvalue of S_YY", not_negative, none, true},
    MetricInfo{"target_rank", per_target, "eigenvalues of S_YY above 1e-10 of the largest", not_negative},
    MetricInfo{"target_stable_rank", per_target, "tr S_YY / mu_1", at_least_one},
    MetricInfo{"target_stable_rank_cov", per_target, "sum mu^2 / mu_1^2", at_least_one},
    MetricInfo{"target_participation_ratio", per_target, "(tr S_YY)^2 / sum mu^2", at_least_one},
    MetricInfo{"target_effective_rank", per_target, "exp of the entropy of mu / tr S_YY", at_least_one},
    MetricInfo{"model_mse", per_target, "mean squared error of the predictions", not_negative, low, true},
    MetricInfo{"model_mae", per_target, "mean absolute error of the predictions", not_negative, low, true},
    MetricInfo{"model_r2", per_target, "1 - SS_res / SS_tot over all entries", any_number, high},
    MetricInfo{"residual_whiteness", per_target, "how far E^T E / N is from a multiple of I; 0 is white",
               a_share, low},
    MetricInfo{"ufm_c", per_target, "lambda_w lambda_h", not_negative, none, true},
    MetricInfo{"ufm_rank", per_target, "eigenvalues of S_YY that are at least c", not_negative},
    MetricInfo{"ufm_loss", per_target, "regularized loss at the UFM minimum", not_negative},
    MetricInfo{"ufm_residual_variance", per_target, "residual variance at the UFM minimum", not_negative,
               none, true},

    MetricInfo{"classes", per_target, "classes K: the labels that occur", at_least_one},
    MetricInfo{"classes_single", per_target, "classes of one sample", not_negative},
    MetricInfo{"class_imbalance", per_target, "samples of the largest class over those of the smallest",
               at_least_one},
    MetricInfo{"samples_ignored", per_target, "samples that --ignore-label leaves out", not_negative},
    MetricInfo{"model_accuracy", per_target, "share of samples whose largest logit is their label's", a_share,
               high},
    MetricInfo{"model_cross_entropy", per_target, "mean cross-entropy of the logits", not_negative, low,
               true},

    MetricInfo{"samples", per_layer, "rows N", at_least_one},
    MetricInfo{"features", per_layer, "features d", at_least_one},
    MetricInfo{"signal_dim", per_layer, "dimension k of the signal subspace", at_least_one},
    MetricInfo{"zero_rows", per_layer, "rows that are exactly 0", not_negative},
    MetricInfo{"feature_mean_norm", per_layer, "mean norm of a row", not_negative},
    MetricInfo{"total_variance", per_layer, "tr S_HH", not_negative, none, true},
    MetricInfo{"nrc1", per_layer, "share of the normalized rows outside the top-k subspace", a_share, low,
               true},
    MetricInfo{"nrc1_unnormalized", per_layer, "the same without normalizing", not_negative, low, true},
    MetricInfo{"nrc1_centered", per_layer, "the same of rows centred, then normalized", a_share, low, true},
    MetricInfo{"nrc2", per_layer, "share of the normalized rows outside the row space of W", a_share, low,
               true},
    MetricInfo{"nrc2_unnormalized", per_layer, "the same without normalizing", not_negative, low, true},
    MetricInfo{"nrc3", per_layer, "W W^T against S_YY^(1/2) - sqrt(gamma) I, at the best gamma", nrc3_range,
               low, true},
    MetricInfo{"nrc3_gamma", per_layer, "that gamma", not_negative, none, true},
    MetricInfo{"nrc3_gamma_over_lambda_min", per_layer, "gamma / mu_n", a_share},
    MetricInfo{"nrc3_ufm", per_layer, "NRC3 at gamma = lambda_w lambda_h", nrc3_range, low, true},
    MetricInfo{"nrc3_final_gamma", MetricScope::run,
               "NRC3 at the gamma that is best at the run's last checkpoint", nrc3_range, low, true},
    MetricInfo{"classes_empty", per_layer, "rows of W whose label never occurs", not_negative},
    MetricInfo{"within_variance", per_layer, "tr S_W, the variance within classes", not_negative, low, true},
    MetricInfo{"nc1", per_layer, "tr(S_W S_B^+) / K: variance within classes against that between them",
               not_negative, low, true},
    MetricInfo{"nc1_trace", per_layer, "the same, every row counts once: the D of data separation",
               not_negative, low, true},
    MetricInfo{"nc1_quotient", per_layer, "tr S_W / tr S_B", not_negative, low, true},
    MetricInfo{"nc1_cdnv", per_layer, "variance over squared distance, mean over pairs of classes",
               not_negative, low, true},
    MetricInfo{"nc1_vci", per_layer, "1 - the mean squared canonical correlation with the labels", a_share,
               low, true},
    MetricInfo{"nc1_unit", per_layer, "nc1 of the normalized rows", not_negative, low, true},
    MetricInfo{"nc2_equinorm", per_layer, "spread of the norms of centred class means over their mean",
               not_negative, low},
    MetricInfo{"nc2_mean_cosine", per_layer, "mean cosine between centred class means; -1/(K-1) in a simplex",
               MetricRange{-1, 1}, low},
    MetricInfo{"nc2_equiangular", per_layer, "standard deviation of these cosines", a_share, low},
    MetricInfo{"nc2_max_angle", per_layer, "mean of |cosine + 1/(K-1)|", MetricRange{0, 2}, low},
    MetricInfo{"nc2_etf", per_layer, "distance of the means' Gram matrix from the simplex's",
               MetricRange{0, 2}, low},
    MetricInfo{"nc2_condition", per_layer, "first over (K-1)-th singular value of the class means",
               at_least_one, low},
    MetricInfo{"nc2_seli", per_layer, "distance of the means' Gram matrix from SELI's", MetricRange{0, 2},
               low},
    MetricInfo{"nc2_weight_equinorm", per_layer, "nc2_equinorm of the rows of W", not_negative, low},
    MetricInfo{"nc2_weight_mean_cosine", per_layer, "nc2_mean_cosine of the rows of W", MetricRange{-1, 1},
               low},
    MetricInfo{"nc2_weight_equiangular", per_layer, "nc2_equiangular of the rows of W", a_share, low},
    MetricInfo{"nc2_weight_max_angle", per_layer, "nc2_max_angle of the rows of W", MetricRange{0, 2}, low},
    MetricInfo{"nc2_weight_etf", per_layer, "nc2_etf of the rows of W", MetricRange{0, 2}, low},
    MetricInfo{"nc2_weight_seli", per_layer, "distance of the Gram matrix of W from SELI's",
               MetricRange{0, 2}, low},
    MetricInfo{"nc3_self_duality", per_layer, "distance of W from the class means, both of norm 1",
               MetricRange{0, 2}, low},
    MetricInfo{"nc3_etf", per_layer, "distance of W M^T from the simplex's Gram matrix", MetricRange{0, 2},
               low},
    MetricInfo{"nc3_cosine", per_layer, "mean cosine of W's rows and the class means", MetricRange{-1, 1},
               high},
    MetricInfo{"nc4_disagreement", per_layer,
               "share of rows whose nearest class mean is not the classifier's choice", a_share, low},
    MetricInfo{"ncc_accuracy", per_layer, "share of rows nearest to their own class's mean", a_share, high},
    MetricInfo{"evr", per_layer, "explained-variance ratios of the first components", a_share, none, false,
               true},
    MetricInfo{"deep_nrc1", per_layer, "share of the variance outside the top-k subspace", a_share, low,
               true},
    MetricInfo{"deep_nrc1_squared", per_layer, "the same with squared eigenvalues", a_share, low, true},
    MetricInfo{"deep_nrc2", per_layer, "linear CKA of features and targets", a_share, high},
    MetricInfo{"deep_nrc2_debiased", per_layer, "linear CKA with the unbiased HSIC estimator", any_number,
               high},
    MetricInfo{"deep_nrc2_signal", per_layer, "linear CKA of the top-k projection and the targets", a_share,
               high},
    MetricInfo{"deep_nrc2_published", per_layer,
               "CKA of the first n features, as the published script computes it", a_share, high},
    MetricInfo{"deep_nrc3", per_layer, "mean cosine between the top-k subspaces of features and W", a_share,
               high},
    MetricInfo{"deep_nrc3_cosines", per_layer, "those cosines", a_share, high, false, true},
    MetricInfo{"deep_nrc4", per_layer, "linear prediction error as published (H not centred, cut at 1e-3)",
               not_negative, low, true},
    MetricInfo{"linear_mse", per_layer, "mean squared error of the best affine map to the targets",
               not_negative, low, true},
    MetricInfo{"linear_share", per_layer, "linear_mse over the mean variance of a target", not_negative, low,
               true},
    MetricInfo{"linear_excess", per_layer, "linear_mse - model_mse", any_number, low},
    MetricInfo{"target_cca", per_layer, "mean squared canonical correlation of features and targets", a_share,
               high},
    MetricInfo{"feature_stable_rank", per_layer, "tr S_HH / lambda_1", at_least_one},
    MetricInfo{"feature_stable_rank_cov", per_layer, "sum lambda^2 / lambda_1^2", at_least_one},
    MetricInfo{"feature_participation_ratio", per_layer, "(tr S_HH)^2 / sum lambda^2", at_least_one},
    MetricInfo{"feature_effective_rank", per_layer, "exp of the entropy of lambda / tr S_HH", at_least_one},
    MetricInfo{"feature_participation_ratio_debiased", per_layer,
               "(tr S_HH)^2 / sum lambda^2, both without the bias of few samples", at_least_one},
    MetricInfo{"feature_rankme", per_layer, "exp of the entropy of the singular values of H, not centred",
               at_least_one},
    MetricInfo{"feature_dims_90", per_layer, "components that hold 90 % of the variance", at_least_one},
    MetricInfo{"feature_dims_95", per_layer, "components that hold 95 %", at_least_one},
    MetricInfo{"feature_dims_99", per_layer, "components that hold 99 %", at_least_one},
    MetricInfo{"weight_stable_rank", per_layer, "|W|_F^2 / sigma_1^2", at_least_one},
    MetricInfo{"weight_rank", per_layer, "numerical rank of W", not_negative},
    MetricInfo{"weight_condition", per_layer, "largest over smallest singular value of W", at_least_one},
    MetricInfo{"weight_balancedness", per_layer, "|W2^T W2 - W W^T|_F, W2 the next layer's weight",
               not_negative, low, true},
    MetricInfo{"weight_balancedness_relative", per_layer, "the same over the mean of the two norms",
               MetricRange{0, 2}, low, true},
    MetricInfo{"ufm_gram_error", per_layer, "distance of W W^T from the UFM's prediction", not_negative, low,
               true},

    MetricInfo{"deep_nrc1_depth_slope", over_depth, "slope of log10 of deep_nrc1 over the layers", any_number,
               low},
    MetricInfo{"deep_nrc1_depth_pearson", over_depth,
               "correlation of log10 of deep_nrc1 with the layer's place", correlation, low},
    MetricInfo{"deep_nrc1_depth_layers", over_depth, "layers that count for these", not_negative},
    MetricInfo{"linear_share_depth_slope", over_depth, "slope of log10 of linear_share over the layers",
               any_number, low},
    MetricInfo{"linear_share_depth_pearson", over_depth,
               "correlation of log10 of linear_share with the layer's place", correlation, low},
    MetricInfo{"linear_share_depth_layers", over_depth, "layers that count for these", not_negative},
    MetricInfo{"nc1_trace_depth_slope", over_depth,
               "slope of log10 of nc1_trace over the layers: the law of data separation", any_number, low},
    MetricInfo{"nc1_trace_depth_pearson", over_depth,
               "correlation of log10 of nc1_trace with the layer's place", correlation, low},
    MetricInfo{"nc1_trace_depth_layers", over_depth, "layers that count for these", not_negative},
};

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  const std::size_t end = text.find_last_not_of(" \t");
  return end == std::string_view::npos ? std::string_view{} : text.substr(begin, end - begin + 1);
}

}  // namespace

std::span<const MetricInfo> metric_catalogue() { return catalogue; }

const MetricInfo* find_metric_info(std::string_view name) {
  const auto* found = std::ranges::find(catalogue, name, &MetricInfo::name);
  return found == catalogue.end() ? nullptr : found;
}

MetricChoice::MetricChoice(std::string_view list) {
  const std::string_view whole = list;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view pattern = trimmed(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (pattern.empty()) {
      continue;
    }
    if (std::none_of(catalogue.begin(), catalogue.end(),
                     [&](const MetricInfo& info) { return glob_match(pattern, info.name); })) {
      throw UsageError(
          fmt::format("no metric is called '{}'; 'collapscope metrics' lists them all", printable(pattern)));
    }
    patterns_.emplace_back(pattern);
  }
  if (patterns_.empty() && !whole.empty()) {
    throw UsageError(
        fmt::format("'{}' names no metric; 'collapscope metrics' lists them all", printable(whole)));
  }
}

bool MetricChoice::wants(std::string_view name) const {
  return shows(name) || std::any_of(catalogue.begin(), catalogue.end(), [&](const MetricInfo& info) {
           return info.scope == MetricScope::depth && info.name.starts_with(name) &&
                  info.name.substr(name.size()).starts_with(depth_infix) && shows(info.name);
         });
}

bool MetricChoice::shows(std::string_view name) const {
  return patterns_.empty() ||
         std::any_of(patterns_.begin(), patterns_.end(),
                     [&](const std::string& pattern) { return glob_match(pattern, name); });
}

bool MetricChoice::names(std::string_view name) const {
  return std::find(patterns_.begin(), patterns_.end(), name) != patterns_.end();
}

std::string MetricChoice::text() const { return fmt::format("{}", fmt::join(patterns_, ",")); }

void MetricChoice::filter(MetricSet& metrics) const {
  std::erase_if(metrics.all(), [&](const Metric& metric) { return !shows(metric.name); });
}

}  // namespace collapscope
