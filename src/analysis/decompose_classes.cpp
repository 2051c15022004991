// The classes of a layer: from class sums to what the metrics and the second look take.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/measure.hpp"
#include "analysis/whitened_scatter.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "metrics/class_margins.hpp"

namespace collapscope {

namespace {

// |S_YY|_F and tr S_YY of one-hot labels.
void summarize_one_hot(LayerSummary& layer, const std::vector<double>& counts) {
  double squares = 0;
  double fourths = 0;
  double products = 0;
  for (const double count : counts) {
    const double p = count / static_cast<double>(layer.samples);
    squares += p * p;
    fourths += p * p * p * p;
    products += p * (1 - p) * p * (1 - p);
  }
  layer.target_covariance_norm = std::sqrt(std::max(0.0, products + squares * squares - fourths));
  layer.target_variance = 1 - squares;
  if (counts.size() == 1) {
    layer.target_covariance_norm = layer.target_variance = 0;
  }
}

// Row `label` for each class, where the labels name rows.
void find_weight_rows(ClassSummary& classes, const std::vector<std::int64_t>& labels) {
  const auto rows = static_cast<std::int64_t>(classes.classifier->weight->rows());
  if (labels.front() < 0 || labels.back() >= rows) {
    classes.no_classifier =
        fmt::format("labels {} to {} name no rows of W, which has {}", labels.front(), labels.back(), rows);
    return;
  }
  classes.weight_rows.assign(labels.begin(), labels.end());
}

}  // namespace

void summarize_layer_classes(LayerSummary& layer, Moments& moments, WeightFacts weight,
                             const ClassTargets& targets, const LayerPlan& plan) {
  if (moments.classes.size() != targets.labels.size()) {
    throw Error(
        fmt::format("{} classes have rows, {} have labels", moments.classes.size(), targets.labels.size()));
  }
  layer.classes =
      summarize_classes(std::move(moments.classes), moments.feature_mean, moments.feature_scatter);
  ClassSummary& classes = *layer.classes;
  summarize_one_hot(layer, classes.counts);
  classes.pairs = plan.class_pairs;
  classes.classifier = std::move(weight.classifier);
  if (classes.classifier) {
    find_weight_rows(classes, targets.labels);
  } else {
    classes.no_classifier = weight.missing.empty() ? "convolution" : weight.missing;
  }
}

namespace {

// Empty where products of classes with classes would not spare much.
std::vector<double> settled_within(const LayerSummary& layer, const ClassLook& look) {
  constexpr double least_rows_of_class = 8;
  const ClassSummary& classes = *layer.classes;
  const double rows_of_class = static_cast<double>(layer.samples) / static_cast<double>(classes.size());
  const bool overlap = !(2 * classes.within < classes.between.trace);
  if (!look.nearest || rows_of_class < least_rows_of_class || overlap) {
    return {};
  }
  std::vector<double> margins = nearest_margins(*classes.means);
  if (look.weight != nullptr) {
    const std::vector<double> of_choice =
        choice_margins(*classes.means, layer.feature_mean, *classes.classifier, classes.weight_rows);
    std::ranges::transform(margins, of_choice, margins.begin(),
                           [](double a, double b) { return std::min(a, b); });
  }
  return margins;
}

}  // namespace

std::shared_ptr<const ClassLook> class_look(LayerSummary& layer, const MetricChoice& metrics,
                                            std::uint64_t segment_rows, bool by_device) {
  ClassSummary& classes = *layer.classes;
  auto look = std::make_shared<ClassLook>();
  look->means = classes.means;
  if (classes.size() < 2) {
    return look;
  }
  const bool fits = !classes.weight_rows.empty();
  look->nearest = classes.nearest =
      metrics.wants("ncc_accuracy") || (fits && metrics.wants("nc4_disagreement"));
  if (fits && metrics.wants("nc4_disagreement")) {
    look->weight = classes.classifier->weight;
    look->bias = classes.classifier->bias;
    look->weight_rows = classes.weight_rows;
  }
  if (!by_device) {
    look->settled_within = settled_within(layer, *look);
  }
  if (!class_moments_suffice(layer)) {
    look->whitening = classes.between.whitening;
    if (!classes.balanced()) {
      look->whitening_by_rows = classes.between_by_rows.whitening;
    }
    if (!by_device) {
      look->scatter = classes.balanced() ? whitened_scatter(classes.between, layer.samples, segment_rows)
                                         : whitened_scatter(classes.between, classes.between_by_rows,
                                                            layer.samples, segment_rows);
    }
    classes.whitened = true;
  }
  if (classes.unit) {
    look->unit_means = classes.unit_means;
    look->unit_whitening = classes.unit->whitening;
    if (!by_device) {
      look->unit_scatter = whitened_scatter(*classes.unit, layer.samples, segment_rows);
    }
  }
  return look;
}

}  // namespace collapscope
