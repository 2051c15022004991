// NC1 of a layer: what varies within classes, beside what varies between them.
#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "metrics/class_geometry.hpp"
#include "metrics/layer_parts.hpp"
#include "metrics/metric_values.hpp"

namespace collapscope {

namespace {

double second_power(double x) { return x * x; }

// Below 0 by rounding only is 0. By definition less is possible where the pseudo-inverse of Sigma_B^w leaves
// out directions that Sigma_B^w has.
double above_rounding(double value, double rounding) { return value < 0 && value > -rounding ? 0 : value; }

// What rounding may make of sums of squares within classes.
class WithinFloors {
 public:
  explicit WithinFloors(const LayerSummary& layer)
      : input_(second_power(layer.unit_roundoff) / 3 * layer.mean_square),
        sums_(layer.residuals ? second_power(4 * float64_epsilon) * layer.mean_square
                              : static_cast<double>(layer.features()) *
                                    std::max(float64_epsilon, layer.product_rounding) * layer.total_variance),
        rows_(second_power(4 * float64_epsilon) * layer.mean_square),
        unit_(std::max(second_power(layer.unit_roundoff) / 3, second_power(4 * float64_epsilon))),
        features_(static_cast<double>(layer.features())) {}

  // Of tr Sigma_W.
  [[nodiscard]] double variance() const { return std::max(input_, sums_); }
  // Of tr(Sigma_W Sigma^+), for noise that is alike in all features; sums were taken as `from_rows` says.
  [[nodiscard]] double whitened(double inverse_trace, bool from_rows) const {
    return (from_rows ? std::max(input_, rows_) / features_ : variance()) * inverse_trace;
  }
  // Of nc1_unit, K times: rows of length 1 that are off by `off` each, in any direction, change squares by
  // off^2 and, on average over the rows, by 2 off times their roots.
  [[nodiscard]] double unit(double inverse_trace, double rows, double value) const {
    constexpr double off = 8 * float64_epsilon;
    return std::max(unit_ / features_ * inverse_trace, 2 * off * std::sqrt(value * inverse_trace / rows));
  }

 private:
  double input_;
  double sums_;
  double rows_;
  double unit_;
  double features_;
};

// Class means that differ by rounding alone.
bool all_coincide(const LayerSummary& layer) {
  return !(layer.classes->between.trace > second_power(64 * float64_epsilon) * layer.total_variance);
}

}  // namespace

const char* no_between(const LayerSummary& layer) {
  return layer.classes->size() < 2 ? one_class : all_coincide(layer) ? means_coincide : "";
}

std::vector<double> variances_within(const LayerSummary& layer) {
  const ClassSummary& classes = *layer.classes;
  if (!layer.residuals) {
    return classes.variances;
  }
  std::vector<double> variances = layer.residuals->classes.squares;
  for (std::size_t c = 0; c < variances.size(); ++c) {
    variances[c] /= classes.counts[c];
  }
  return variances;
}

namespace {

const char* cut_note(const BetweenCovariance& between) {
  return between.near_cut ? "an eigenvalue at the cut of the pseudo-inverse" : "";
}

}  // namespace

void add_nc1_family(MetricSet& set, const LayerSummary& layer, const PairSums* pairs) {
  const ClassSummary& classes = *layer.classes;
  const WithinFloors floors(layer);
  const double n = static_cast<double>(layer.samples);
  const double k = static_cast<double>(classes.size());
  double within = classes.within;
  if (layer.residuals) {
    const auto& squares = layer.residuals->classes.squares;
    within = std::accumulate(squares.begin(), squares.end(), 0.0) / n;
  }
  add_number(set, "within_variance", within, floors.variance());
  if (const std::string reason = no_between(layer); !reason.empty()) {
    add_undefined_each(set, {"nc1", "nc1_trace", "nc1_quotient", "nc1_cdnv", "nc1_vci", "nc1_unit"}, reason);
    return;
  }
  const bool from_rows = layer.residuals && classes.whitened;
  const double nc1 = from_rows ? layer.residuals->classes.whitened / n / k : classes.nc1;
  const double by_rows = !from_rows           ? 0
                         : classes.balanced() ? layer.residuals->classes.whitened
                                              : layer.residuals->classes.whitened_by_rows;
  const double nc1_trace = from_rows ? by_rows / n : classes.nc1_trace;
  const auto sums_floor = [&](const BetweenCovariance& between) {
    if (from_rows) {
      return floors.whitened(between.inverse_trace, true);
    }
    const double rounding =
        static_cast<double>(layer.features()) * std::max(float64_epsilon, layer.product_rounding);
    return std::max(floors.whitened(between.inverse_trace, true),
                    rounding * layer.total_variance * between.inverse_trace);
  };
  add_number(set, "nc1", nc1, sums_floor(classes.between) / k, cut_note(classes.between));
  add_number(set, "nc1_trace", nc1_trace, sums_floor(classes.between_by_rows),
             cut_note(classes.between_by_rows));
  add_number(set, "nc1_quotient", within / classes.between.trace, floors.variance() / classes.between.trace);
  if (pairs == nullptr) {
    add_undefined(set, "nc1_cdnv", "pairs of classes are not gone through");
  } else if (pairs->coincide) {
    add_undefined(set, "nc1_cdnv", "two class means coincide");
  } else {
    add_number(set, "nc1_cdnv", pairs->variance_to_distance, floors.variance() * pairs->inverse_distance);
  }
  if (classes.vci) {
    add_number(set, "nc1_vci", above_rounding(*classes.vci, classes.vci_rounding), classes.vci_rounding,
               cut_note(classes.between_by_rows));
  } else {
    add_undefined(set, "nc1_vci", few_eigenpairs);
  }
  if (!classes.unit || !layer.residuals) {
    add_undefined(set, "nc1_unit", needs_look);
  } else if (!(classes.unit->trace > second_power(64 * float64_epsilon))) {
    add_undefined(set, "nc1_unit", "the class means of the normalized rows coincide");
  } else {
    const double whitened = layer.residuals->classes.whitened_unit / n;
    add_number(set, "nc1_unit", whitened / k, floors.unit(classes.unit->inverse_trace, n, whitened) / k,
               cut_note(*classes.unit));
  }
}

}  // namespace collapscope
