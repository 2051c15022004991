#include "metrics/metric_range.hpp"

#include <algorithm>
#include <cmath>

#include "collapscope/metrics/metrics.hpp"

namespace collapscope {

namespace {

constexpr double largest_rounding = 1e-9;  // the tolerance of well-conditioned metrics

// The ends of all ranges are whole numbers: no other value needs a look at the catalogue.
bool is_nearly_whole(double value) {
  const double whole = std::round(value);
  return value != whole && std::abs(value - whole) <= largest_rounding;
}

double rounded(double value, const MetricRange& range) {
  if (range.minimum && value < *range.minimum && value >= *range.minimum - largest_rounding) {
    return *range.minimum;
  }
  if (range.maximum && value > *range.maximum && value <= *range.maximum + largest_rounding) {
    return *range.maximum;
  }
  return value;
}

void round_into_range(Metric& metric) {
  const auto round_all = [&](auto first, auto last) {
    if (std::none_of(first, last, is_nearly_whole)) return;
    if (const MetricInfo* info = find_metric_info(metric.name)) {
      std::transform(first, last, first, [info](double value) { return rounded(value, info->range); });
    }
  };
  if (auto* number = std::get_if<double>(&metric.value)) {
    round_all(number, number + 1);
  } else if (auto* list = std::get_if<std::vector<double>>(&metric.value)) {
    round_all(list->begin(), list->end());
  }
}

}  // namespace

void round_into_range(std::vector<Metric>& metrics) {
  for (Metric& metric : metrics) round_into_range(metric);
}

}  // namespace collapscope
