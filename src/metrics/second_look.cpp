// Whether the moments of a layer tell what a second look at its rows would.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <variant>

#include "collapscope/metrics/metrics.hpp"
#include "metrics/layer_parts.hpp"

namespace collapscope {

namespace {

// A difference of moments is taken for the remainder where it is so many times its rounding.
constexpr double least_multiple = 1e9;

constexpr std::array signal_metrics{"nrc1", "nrc1_unnormalized", "nrc1_centered", "deep_nrc1"};
constexpr std::array within_metrics{"within_variance", "nc1", "nc1_trace", "nc1_quotient", "nc1_cdnv"};
constexpr std::array weight_metrics{"nrc2", "nrc2_unnormalized"};
constexpr std::array fit_metrics{"deep_nrc4", "linear_mse", "linear_share", "linear_excess"};

double least_share(const LayerSummary& layer) {
  return least_multiple * static_cast<double>(layer.features()) * std::numeric_limits<double>::epsilon();
}

template <class Names>
void forget(MetricSet& metrics, const Names& names, const std::string& reason) {
  for (Metric& metric : metrics.all()) {
    if (std::find(names.begin(), names.end(), metric.name) != names.end()) {
      metric = Metric{metric.name, std::monostate{}, std::nullopt, reason};
    }
  }
}

// What the moments have to too few digits, and what only rows tell.
void forget_look_at_classes(MetricSet& metrics, const LayerSummary& layer, const std::string& reason) {
  const bool classes_suffice = class_moments_suffice(layer);
  for (Metric& metric : metrics.all()) {
    const auto is_among = [&](const auto& names) {
      return std::find(names.begin(), names.end(), metric.name) != names.end();
    };
    const bool lost = (!classes_suffice && is_among(within_metrics)) ||
                      (!layer.signal_from_moments && is_among(signal_metrics));
    if ((metric.defined() && lost) || metric.note == needs_look) {
      metric = Metric{metric.name, std::monostate{}, std::nullopt, reason};
    }
  }
}

}  // namespace

void forget_second_look(MetricSet& metrics, const LayerSummary& layer, const std::string& reason) {
  if (layer.classes) {
    forget_look_at_classes(metrics, layer, reason);
    return;
  }
  if (layer.total_variance > 0 && layer.has_signal()) {
    forget(metrics, signal_metrics, reason);
  }
  if (layer.weight && layer.weight->rank < layer.features()) {
    forget(metrics, weight_metrics, reason);
  }
  for (Metric& metric : metrics.all()) {  // what is undefined has a reason that the rows would not take away
    if (metric.defined() &&
        std::find(fit_metrics.begin(), fit_metrics.end(), metric.name) != fit_metrics.end()) {
      metric = Metric{metric.name, std::monostate{}, std::nullopt, reason};
    }
  }
}

bool signal_moments_suffice(const LayerSummary& layer, const MetricChoice& metrics) {
  if (layer.product_rounding > 0) {
    return false;
  }
  return !(layer.total_variance > 0) || !metrics.wants("deep_nrc1") ||
         (layer.has_signal() && variance_outside(layer) >= least_share(layer));
}

bool moments_suffice(const LayerSummary& layer, const TargetSummary& targets, const MetricChoice& metrics) {
  if (!signal_moments_suffice(layer, metrics)) {
    return false;
  }
  const auto outside = [&](const Matrix& basis, std::size_t count) {
    return layer.normalized_moment && normalized_remainder(layer, basis, count) >= least_share(layer);
  };
  const bool varies = layer.total_variance > 0;
  if (layer.classes && !class_moments_suffice(layer)) {
    return false;
  }
  if (layer.classes) {
    return true;
  }
  if (varies && metrics.wants("nrc1") &&
      !(layer.has_signal() && outside(layer.spectrum.vectors, layer.signal_dim))) {
    return false;
  }
  if (metrics.wants("nrc2") && layer.weight && layer.weight->rank < layer.features() &&
      !outside(layer.weight->right_singular, layer.weight->rank)) {
    return false;
  }
  if (metrics.wants("deep_nrc4") && layer.published_explained &&
      !(layer.target_variance - *layer.published_explained >= least_multiple * layer.published_uncertainty)) {
    return false;
  }
  const bool excess = metrics.wants("linear_excess") && targets.model;
  if (layer.affine_explained && (excess || metrics.wants("linear_mse") || metrics.wants("linear_share"))) {
    const double error = layer.target_variance - *layer.affine_explained;
    const double least = least_multiple * layer.affine_uncertainty;
    const double model = excess ? targets.model->mse * static_cast<double>(targets.size()) : 0;
    return error >= least && (!excess || std::abs(error - model) >= least);
  }
  return true;
}

}  // namespace collapscope
