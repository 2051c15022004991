#include "metrics/spectrum.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "metrics/layer_parts.hpp"
#include "metrics/metric_values.hpp"

namespace collapscope {

namespace {

// Values divided by their sum; sums of squares of shares neither overflow nor underflow.
std::vector<double> shares(std::span<const double> values) {
  const double total = std::accumulate(values.begin(), values.end(), 0.0);
  std::vector<double> out(values.begin(), values.end());
  for (double& value : out) {
    value /= total;
  }
  return out;
}

double exp_entropy(std::span<const double> shares) {
  double entropy = 0;
  for (const double p : shares) {
    entropy -= p > 0 ? p * std::log(p) : 0.0;
  }
  return std::exp(entropy);
}

// Values divided by the sum of all, also of those that are not there.
std::vector<double> shares(const Eigenbasis& spectrum) {
  std::vector<double> out = spectrum.values;
  const double total = std::accumulate(out.begin(), out.end(), spectrum.rest_trace);
  for (double& value : out) {
    value /= total;
  }
  return out;
}

// Why the first `count` values cannot be used; empty: they can.
const char* missing(const Eigenbasis& spectrum, std::size_t count) {
  const bool vanishes = !(spectrum.rest_trace > 0) && (spectrum.values.empty() || !(spectrum.values[0] > 0));
  return vanishes ? zero_variance : !spectrum.is_full() && spectrum.size() < count ? few_eigenpairs : "";
}

}  // namespace

void add_spectrum_summary(MetricSet& set, const std::string& prefix, const Eigenbasis& spectrum) {
  if (const std::string reason = missing(spectrum, 0); !reason.empty()) {
    for (const char* name : {"_stable_rank", "_stable_rank_cov", "_participation_ratio", "_effective_rank"}) {
      add_undefined(set, prefix + name, reason);
    }
    return;
  }
  const std::vector<double> p = shares(spectrum);
  const double total = std::accumulate(spectrum.values.begin(), spectrum.values.end(), spectrum.rest_trace);
  const double rest = spectrum.rest_norm / total;
  const double squares = std::inner_product(p.begin(), p.end(), p.begin(), rest * rest);
  if (p.empty()) {
    add_undefined(set, prefix + "_stable_rank", few_eigenpairs);
    add_undefined(set, prefix + "_stable_rank_cov", few_eigenpairs);
  } else {
    add_number(set, prefix + "_stable_rank", 1.0 / p[0]);
    add_number(set, prefix + "_stable_rank_cov", squares / (p[0] * p[0]));
  }
  add_number(set, prefix + "_participation_ratio", 1.0 / squares);
  if (spectrum.is_full()) {
    add_number(set, prefix + "_effective_rank", exp_entropy(p));
  } else {
    add_undefined(set, prefix + "_effective_rank", few_eigenpairs);
  }
}

void add_debiased_participation(MetricSet& set, const LayerSummary& layer) {
  const char* const name = "feature_participation_ratio_debiased";
  if (!(layer.total_variance > 0)) {
    add_undefined(set, name, zero_variance);
  } else if (layer.samples <= 3) {
    add_undefined(set, name, "N <= 3");
  } else if (fast_tolerance * std::abs(layer.hsic_xx) < layer.hsic_xx_rounding) {
    add_undefined(set, name, not_in_fast_precision);
  } else if (!(layer.hsic_xx > 0)) {
    add_undefined(set, name, no_hsic(layer));
  } else if (!(layer.squared_variance > 0 && layer.participation_rounding <= debiased_tolerance)) {
    add_undefined(set, name, outweighed);
  } else {
    add_number(set, name, layer.squared_variance / layer.hsic_xx);
  }
}

void add_dims(MetricSet& set, const Eigenbasis& spectrum) {
  const std::string reason = missing(spectrum, 0);
  const std::vector<double> p = reason.empty() ? shares(spectrum) : std::vector<double>{};
  for (const int percent : {90, 95, 99}) {
    const std::string name = "feature_dims_" + std::to_string(percent);
    const double wanted = percent / 100.0 * (1 - 1e-12);
    double sum = 0;
    std::size_t count = 0;
    while (count < p.size() && sum < wanted) {
      sum += p[count++];
    }
    if (!reason.empty()) {
      add_undefined(set, name, reason);
    } else if (sum < wanted && !spectrum.is_full()) {
      add_undefined(set, name, few_eigenpairs);
    } else {
      add_count(set, name, count);
    }
  }
}

void add_rankme(MetricSet& set, std::span<const double> uncentred) {
  if (uncentred.empty() || !(uncentred[0] > 0)) {
    add_undefined(set, "feature_rankme", uncentred.empty() ? few_eigenpairs : "all features are 0");
    return;
  }
  std::vector<double> singular;
  for (const double value : uncentred) {
    if (const double s = std::sqrt(value / uncentred[0]); s > 1e-6) {
      singular.push_back(s);
    }
  }
  add_number(set, "feature_rankme", exp_entropy(shares(singular)));
}

void add_evr(MetricSet& set, const Eigenbasis& spectrum, std::size_t top) {
  if (const std::string reason = missing(spectrum, top); !reason.empty()) {
    add_undefined(set, "evr", reason);
    return;
  }
  std::vector<double> p = shares(spectrum);
  p.resize(std::min(top, spectrum.is_full() ? spectrum.vectors.cols() : p.size()));  // the others are 0
  add_list(set, "evr", std::move(p));
}

}  // namespace collapscope
