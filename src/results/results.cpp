// Reading single metrics out of results.
#include "collapscope/results/results.hpp"

#include <algorithm>

namespace collapscope {

std::optional<double> Metric::number() const {
  if (const auto* count = std::get_if<std::int64_t>(&value)) return static_cast<double>(*count);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return std::nullopt;
}

bool Metric::below_floor() const {
  const std::optional<double> x = number();
  return x && floor && *x <= *floor;
}

const Metric* MetricSet::find(std::string_view name) const {
  const auto found = std::ranges::find(metrics_, name, &Metric::name);
  return found == metrics_.end() ? nullptr : &*found;
}

std::optional<double> MetricSet::number(std::string_view name) const {
  const Metric* metric = find(name);
  return metric == nullptr ? std::nullopt : metric->number();
}

bool CheckpointResult::lacks_layer_before(std::size_t i) const {
  return std::ranges::find(failed_layers, i, &MissingLayer::position) != failed_layers.end();
}

const LayerResult* CheckpointResult::last_layer() const {
  return layers.empty() || lacks_layer_before(layers.size()) ? nullptr : &layers.back();
}

}  // namespace collapscope
