// Metrics of the targets, of the model's errors and of the unconstrained feature model (UFM).
#include <cmath>

#include "collapscope/metrics/metrics.hpp"
#include "core/vector_math.hpp"
#include "metrics/layer_parts.hpp"
#include "metrics/metric_range.hpp"
#include "metrics/metric_values.hpp"
#include "metrics/spectrum.hpp"

namespace collapscope {

namespace {

void add_model(MetricSet& set, const TargetSummary& targets) {
  if (!targets.model) {
    for (const char* name : {"model_mse", "model_mae", "model_r2", "residual_whiteness"}) {
      add_undefined(set, name, targets.no_model);
    }
    return;
  }
  const ModelErrors& model = *targets.model;
  const double n = static_cast<double>(targets.size());
  add_number(set, "model_mse", model.mse);
  add_number(set, "model_mae", model.mae);
  if (const double variance = targets.total_variance(); variance > 0) {
    add_number(set, "model_r2", 1 - model.mse * n / variance);
  } else {
    add_undefined(set, "model_r2", "zero target variance");
  }
  const double mean_variance = trace(model.error_moment) / n;
  double off_white = 0;
  double norm = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    for (std::size_t j = 0; j < targets.size(); ++j) {
      const double value = model.error_moment(i, j);
      const double difference = value - (i == j ? mean_variance : 0.0);
      off_white += difference * difference;
      norm += value * value;
    }
  }
  if (targets.size() == 1) {
    add_undefined(set, "residual_whiteness", "n = 1");
  } else if (!(norm > 0)) {
    add_undefined(set, "residual_whiteness", "no residual");
  } else {
    add_number(set, "residual_whiteness", std::sqrt(off_white) / std::sqrt(norm));
  }
}

// [A, Theorem 4.1]: the value of the regularized loss at the minimum, and what is left of each direction.
void add_ufm(MetricSet& set, const TargetSummary& targets) {
  if (!targets.ufm) {
    for (const char* name : {"ufm_c", "ufm_rank", "ufm_loss", "ufm_residual_variance"}) {
      add_undefined(set, name, targets.no_ufm);
    }
    return;
  }
  const double c = targets.ufm->c();
  std::size_t rank = 0;
  double roots = 0;
  for (const double value : targets.spectrum.values) {
    rank += value >= c ? 1 : 0;
    roots += std::sqrt(value) - std::sqrt(c);
  }
  add_number(set, "ufm_c", c);
  add_count(set, "ufm_rank", rank);
  if (targets.ufm->has_minimum(targets.lambda_min())) {
    add_number(set, "ufm_loss", static_cast<double>(targets.size()) * c / 2 + std::sqrt(c) * roots);
    add_number(set, "ufm_residual_variance", c);
  } else {
    const char* reason = c > 0 ? "c >= lambda_min" : "c = 0";
    add_undefined(set, "ufm_loss", reason);
    add_undefined(set, "ufm_residual_variance", reason);
  }
}

}  // namespace

MetricSet target_metrics(const TargetSummary& targets) {
  MetricSet set;
  if (targets.classes) {
    add_class_targets(set, *targets.classes);
    round_into_range(set.all());
    return set;
  }
  add_count(set, "target_dim", targets.size());
  add_number(set, "target_lambda_min", targets.lambda_min());
  add_number(set, "target_lambda_max", targets.spectrum.values.empty() ? 0 : targets.spectrum.values[0]);
  add_count(set, "target_rank", targets.rank());
  add_spectrum_summary(set, "target", targets.spectrum);
  add_model(set, targets);
  add_ufm(set, targets);
  round_into_range(set.all());
  return set;
}

}  // namespace collapscope
