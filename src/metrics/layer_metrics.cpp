// Every metric of a layer, in the order of the catalogue.
#include <algorithm>
#include <iterator>
#include <utility>

#include "collapscope/metrics/metrics.hpp"
#include "metrics/layer_parts.hpp"
#include "metrics/metric_range.hpp"
#include "metrics/metric_values.hpp"
#include "metrics/spectrum.hpp"

namespace collapscope {

namespace {

// Thousands of layers wait for the end with theirs; nrc3_final_gamma comes then.
void fit(std::vector<Metric>& metrics) {
  std::vector<Metric> fitting;
  fitting.reserve(metrics.size() + 1);
  std::ranges::move(metrics, std::back_inserter(fitting));
  metrics = std::move(fitting);
}

}  // namespace

MetricSet layer_metrics(const LayerSummary& layer, const TargetSummary& targets, std::size_t top) {
  MetricSet set;
  add_count(set, "samples", layer.samples);
  add_count(set, "features", layer.features());
  add_count(set, "signal_dim", layer.signal_dim);
  add_count(set, "zero_rows", layer.zero_rows);
  add_number(set, "feature_mean_norm", layer.mean_norm);
  add_number(set, "total_variance", layer.total_variance);
  if (layer.classes) {
    add_classes(set, layer);
    add_evr(set, layer.spectrum, top);
    add_deep_nrc_of_classes(set, layer, targets);
  } else {
    add_nrc(set, layer, targets);
    add_nrc3(set, layer, targets);
    add_evr(set, layer.spectrum, top);
    add_deep_nrc(set, layer, targets);
  }
  add_spectrum_summary(set, "feature", layer.spectrum);
  add_debiased_participation(set, layer);
  if (layer.product_rounding > 0) {
    add_undefined(set, "feature_rankme", not_in_fast_precision);
  } else {
    add_rankme(set, layer.uncentred);
  }
  add_dims(set, layer.spectrum);
  if (layer.classes) {
    add_weight_rank(set, layer);
    add_balancedness(set, layer);
  } else {
    add_weight(set, layer, targets);
  }
  round_into_range(set.all());
  fit(set.all());
  return set;
}

}  // namespace collapscope
