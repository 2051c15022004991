// The weight's own rank, and its Gram matrix against the UFM's prediction.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/vector_math.hpp"
#include "metrics/layer_parts.hpp"
#include "metrics/metric_values.hpp"

namespace collapscope {

namespace {

// |G - T|_F / |T|_F, T = sqrt(lambda_h / lambda_w) (S_YY^(1/2) - sqrt(c) I): [A, Corollary 4.2].
double gram_error(const Matrix& gram, const Matrix& root, const UfmStrengths& ufm) {
  const double factor = std::sqrt(ufm.lambda_h / ufm.lambda_w);
  double difference = 0;
  double norm = 0;
  for (std::size_t i = 0; i < gram.rows(); ++i) {
    for (std::size_t j = 0; j < gram.cols(); ++j) {
      const double predicted = factor * (root(i, j) - (i == j ? std::sqrt(ufm.c()) : 0.0));
      difference += (gram(i, j) - predicted) * (gram(i, j) - predicted);
      norm += predicted * predicted;
    }
  }
  return std::sqrt(difference) / std::sqrt(norm);
}

void add_weight_condition(MetricSet& set, const WeightSummary& weight, std::size_t features) {
  const std::size_t full = std::min(weight.rows, features);
  if (weight.rank == 0) {
    add_undefined(set, "weight_condition", "weight is 0");
  } else if (weight.rank < full) {
    add_undefined(set, "weight_condition", fmt::format("rank(W) = {} < {}", weight.rank, full));
  } else {
    const double condition = weight.singular_values[0] / weight.singular_values[full - 1];
    add_number(set, "weight_condition", condition, std::nullopt,
               precision_note(std::numeric_limits<double>::epsilon() * condition));
  }
}

}  // namespace

void add_weight_rank(MetricSet& set, const LayerSummary& layer) {
  if (!layer.weight) {
    add_undefined(set, "weight_stable_rank", layer.no_weight);
    add_undefined(set, "weight_rank", layer.no_weight);
    add_undefined(set, "weight_condition", layer.no_weight);
    return;
  }
  if (layer.weight->rank == 0) {
    add_undefined(set, "weight_stable_rank", "weight is 0");
  } else {
    double sum = 0;
    for (const double value : layer.weight->singular_values) {
      const double relative = value / layer.weight->singular_values[0];
      sum += relative * relative;
    }
    add_number(set, "weight_stable_rank", sum);
  }
  add_count(set, "weight_rank", layer.weight->rank);
  add_weight_condition(set, *layer.weight, layer.features());
}

void add_weight(MetricSet& set, const LayerSummary& layer, const TargetSummary& targets) {
  add_weight_rank(set, layer);
  add_balancedness(set, layer);
  const std::string reason = targets.size() == 1                               ? "n = 1"
                             : !layer.weight                                   ? layer.no_weight
                             : layer.weight->convolution                       ? "convolution"
                             : layer.weight->gram.empty()                      ? "rows(W) != n"
                             : !targets.ufm                                    ? targets.no_ufm
                             : !targets.ufm->has_minimum(targets.lambda_min()) ? "c is not in (0, lambda_min)"
                                                                               : "";
  if (reason.empty()) {
    add_number(set, "ufm_gram_error", gram_error(layer.weight->gram, targets.root, *targets.ufm));
  } else {
    add_undefined(set, "ufm_gram_error", reason);
  }
}

}  // namespace collapscope
