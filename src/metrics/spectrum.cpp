#include "metrics/spectrum.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

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

bool vanishes(std::span<const double> values) { return values.empty() || !(values[0] > 0); }

}  // namespace

void add_spectrum_summary(MetricSet& set, const std::string& prefix, std::span<const double> values) {
  if (vanishes(values)) {
    for (const char* name : {"_stable_rank", "_stable_rank_cov", "_participation_ratio", "_effective_rank"}) {
      add_undefined(set, prefix + name, "zero variance");
    }
    return;
  }
  const std::vector<double> p = shares(values);
  const double squares = std::inner_product(p.begin(), p.end(), p.begin(), 0.0);
  add_number(set, prefix + "_stable_rank", 1.0 / p[0]);
  add_number(set, prefix + "_stable_rank_cov", squares / (p[0] * p[0]));
  add_number(set, prefix + "_participation_ratio", 1.0 / squares);
  add_number(set, prefix + "_effective_rank", exp_entropy(p));
}

void add_dims(MetricSet& set, std::span<const double> values) {
  const std::vector<double> p = vanishes(values) ? std::vector<double>{} : shares(values);
  for (const int percent : {90, 95, 99}) {
    const std::string name = "feature_dims_" + std::to_string(percent);
    if (p.empty()) {
      add_undefined(set, name, "zero variance");
      continue;
    }
    const double wanted = percent / 100.0 * (1 - 1e-12);
    double sum = 0;
    std::size_t count = 0;
    while (count < p.size() && sum < wanted) {
      sum += p[count++];
    }
    add_count(set, name, count);
  }
}

void add_rankme(MetricSet& set, std::span<const double> uncentred) {
  if (vanishes(uncentred)) {
    add_undefined(set, "feature_rankme", "all features are 0");
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

void add_evr(MetricSet& set, std::span<const double> values, std::size_t top) {
  if (vanishes(values)) {
    add_undefined(set, "evr", "zero variance");
    return;
  }
  std::vector<double> p = shares(values);
  p.resize(std::min(top, p.size()));
  add_list(set, "evr", std::move(p));
}

}  // namespace collapscope
