// How metrics of layers go over depth: the laws of He and Su.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "collapscope/metrics/metrics.hpp"
#include "metrics/metric_values.hpp"
#include "results/depth_name.hpp"

namespace collapscope {

namespace {

constexpr std::size_t least_layers = 3;

struct Points {
  std::vector<double> places;
  std::vector<double> logarithms;
};

Points points_of(std::span<const MetricSet* const> layers, std::string_view name) {
  Points points;
  for (std::size_t place = 0; place < layers.size(); ++place) {
    const Metric* const metric = layers[place] == nullptr ? nullptr : layers[place]->find(name);
    const auto value = metric == nullptr ? std::nullopt : metric->number();
    if (value && *value > 0 && !metric->below_floor()) {
      points.places.push_back(static_cast<double>(place));
      points.logarithms.push_back(std::log10(*value));
    }
  }
  return points;
}

// Why there are so few: what all layers say alike of the metric, as that it was not computed.
std::string why_few(std::span<const MetricSet* const> layers, std::string_view name) {
  std::string note;
  for (const MetricSet* const layer : layers) {
    const Metric* const metric = layer == nullptr ? nullptr : layer->find(name);
    if (layer == nullptr) {
      continue;
    }
    if (metric == nullptr || metric->defined() || metric->note.empty() ||
        (!note.empty() && note != metric->note)) {
      return "fewer than 3 layers are above their floors";
    }
    note = metric->note;
  }
  return note.empty() ? "fewer than 3 layers are above their floors" : note;
}

double subtract_mean(std::vector<double>& values) {
  double mean = 0;
  for (const double value : values) {
    mean += value / static_cast<double>(values.size());
  }
  for (double& value : values) {
    value -= mean;
  }
  return mean;
}

double product_sum(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

void add_law(MetricSet& set, std::span<const MetricSet* const> layers, std::string_view name) {
  Points points = points_of(layers, name);
  const std::size_t count = points.places.size();
  if (count < least_layers) {
    for (const char* part : {"slope", "pearson"}) {
      add_undefined(set, depth_name(name, part), why_few(layers, name));
    }
  } else {
    subtract_mean(points.places);
    const double mean = subtract_mean(points.logarithms);
    const double places = product_sum(points.places, points.places);
    const double together = product_sum(points.places, points.logarithms);
    const double spread = product_sum(points.logarithms, points.logarithms);
    const double rounding = 16 * std::numeric_limits<double>::epsilon() * std::max(1.0, std::abs(mean));
    add_number(set, depth_name(name, "slope"), together / places);
    if (spread > rounding * rounding) {
      add_number(set, depth_name(name, "pearson"),
                 std::clamp(together / std::sqrt(places) / std::sqrt(spread), -1.0, 1.0));
    } else {
      add_undefined(set, depth_name(name, "pearson"), "the same at all layers");
    }
  }
  add_count(set, depth_name(name, "layers"), count);
}

}  // namespace

MetricSet depth_metrics(std::span<const MetricSet* const> layers, bool classification) {
  MetricSet set;
  add_law(set, layers, "deep_nrc1");
  add_law(set, layers, classification ? "nc1_trace" : "linear_share");
  return set;
}

}  // namespace collapscope
