// Deep NRC1 to NRC4, at every layer.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "collapscope/metrics/metrics.hpp"
#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"
#include "metrics/floors.hpp"
#include "metrics/layer_parts.hpp"
#include "metrics/metric_values.hpp"

namespace collapscope {

namespace {

// Frobenius norm of the values and of what has the norm `rest`; scaled, so that squares neither overflow nor
// underflow.
double norm(std::span<const double> values, double rest = 0) {
  double largest = rest;
  for (const double value : values) {
    if (std::isnan(value)) {
      return value;
    }
    largest = std::max(largest, std::abs(value));
  }
  double sum = largest > 0 ? (rest / largest) * (rest / largest) : 0;
  for (const double value : values) {
    sum += largest > 0 ? (value / largest) * (value / largest) : 0;
  }
  return largest * std::sqrt(sum);
}

void add_deep_nrc1(MetricSet& set, const LayerSummary& layer, const Floors& floors) {
  if (!(layer.total_variance > 0)) {
    add_undefined(set, "deep_nrc1", zero_variance);
    add_undefined(set, "deep_nrc1_squared", zero_variance);
    return;
  }
  if (!layer.has_signal()) {
    add_undefined(set, "deep_nrc1", few_eigenpairs);
    add_undefined(set, "deep_nrc1_squared", few_eigenpairs);
    return;
  }
  const std::span<const double> values = layer.spectrum.values;
  const std::span<const double> tail = values.subspan(layer.signal_dim);
  const SubspaceResiduals* rest_of_rows = layer.signal_residuals();
  const double share = rest_of_rows != nullptr
                           ? rest_of_rows->centred / static_cast<double>(layer.samples) / layer.total_variance
                           : variance_outside(layer);
  add_number(set, "deep_nrc1", share, floors.variance_share());
  const double rest = layer.spectrum.rest_norm;
  const double ratio = norm(tail, rest) / norm(values, rest);
  add_number(set, "deep_nrc1_squared", ratio * ratio, floors.squared_share());
}

// |S_HY|^2 / (|S_HH| |S_YY|), with factors divided one by one.
double cka(double cross, double features, double targets) { return cross / features * (cross / targets); }

const char* no_cka(const LayerSummary& layer) {
  return !(layer.total_variance > 0)        ? zero_variance
         : layer.target_covariance_norm > 0 ? ""
         : layer.classes                    ? "one class"
                                            : "zero target variance";
}

void add_cka(MetricSet& set, const LayerSummary& layer) {
  const double targets = layer.target_covariance_norm;
  if (const std::string reason = no_cka(layer); !reason.empty()) {
    add_undefined(set, "deep_nrc2", reason);
    add_undefined(set, "deep_nrc2_debiased", reason);
    return;
  }
  const double cross = layer.classes ? layer.classes->cross_norm : norm(layer.cross_covariance.values());
  const auto& spectrum = layer.spectrum;
  add_number(set, "deep_nrc2", cka(cross, norm(spectrum.values, spectrum.rest_norm), targets));

  const double scale = std::sqrt(layer.hsic_xx) * std::sqrt(layer.hsic_yy);
  if (layer.samples <= 3) {
    add_undefined(set, "deep_nrc2_debiased", "N <= 3");
  } else if (fast_tolerance * std::abs(layer.hsic_xx) < layer.hsic_xx_rounding) {
    add_undefined(set, "deep_nrc2_debiased", not_in_fast_precision);
  } else if (!(layer.hsic_xx > 0 && layer.hsic_yy > 0)) {
    add_undefined(set, "deep_nrc2_debiased", no_hsic(layer));
  } else if (!(layer.debiased_rounding <=
               debiased_tolerance * std::max(std::abs(layer.hsic_xy / scale), least_debiased))) {
    add_undefined(set, "deep_nrc2_debiased", outweighed);
  } else {
    add_number(set, "deep_nrc2_debiased", layer.hsic_xy / scale);
  }
}

void add_partial_cka(MetricSet& set, const LayerSummary& layer) {
  const double targets = layer.target_covariance_norm;
  const Matrix& cross = layer.cross_covariance;
  const auto& spectrum = layer.spectrum;
  if (const std::string reason = no_cka(layer); !reason.empty()) {
    add_undefined(set, "deep_nrc2_signal", reason);
    add_undefined(set, "deep_nrc2_published", reason);
    return;
  }
  if (layer.signal_dim == 0) {
    add_undefined(set, "deep_nrc2_signal", "signal_dim = 0");
  } else if (!layer.has_signal()) {
    add_undefined(set, "deep_nrc2_signal", few_eigenpairs);
  } else {
    Matrix signal(layer.signal_dim, layer.features());
    std::copy_n(spectrum.vectors.data(), signal.values().size(), signal.data());
    const Matrix along = linalg::product(signal, linalg::Transpose::no, cross, linalg::Transpose::no);
    const double kept = norm(std::span(spectrum.values).first(layer.signal_dim));
    add_number(set, "deep_nrc2_signal", cka(norm(along.values()), kept, targets), std::nullopt,
               subspace_is_ill_conditioned(layer) ? ill_conditioned : "");
  }

  const std::size_t first = std::min(cross.cols(), cross.rows());
  if (layer.first_features_norm > 0) {
    add_number(set, "deep_nrc2_published",
               cka(norm(cross.values().first(first * cross.cols())), layer.first_features_norm, targets));
  } else {
    add_undefined(set, "deep_nrc2_published", "zero variance of the first n features");
  }
}

// The right singular subspace of W that is compared: nothing separates it from the next direction.
bool weight_subspace_is_ill_conditioned(const WeightSummary& weight, std::size_t count) {
  const auto& values = weight.singular_values;
  return count < weight.rank && values[count - 1] - values[count] < 1e-8 * values[0];
}

void add_deep_nrc3(MetricSet& set, const LayerSummary& layer) {
  const std::string reason = !layer.weight                 ? layer.no_weight
                             : layer.weight->rank == 0     ? "weight is 0"
                             : !(layer.total_variance > 0) ? zero_variance
                             : layer.signal_dim == 0       ? "signal_dim = 0"
                             : !layer.has_signal()         ? few_eigenpairs
                                                           : "";
  if (!reason.empty()) {
    add_undefined(set, "deep_nrc3", reason);
    add_undefined(set, "deep_nrc3_cosines", reason);
    return;
  }
  const std::size_t d = layer.features();
  const std::size_t count = std::min(layer.signal_dim, layer.weight->rank);
  Matrix signal(layer.signal_dim, d);
  std::copy_n(layer.spectrum.vectors.data(), signal.values().size(), signal.data());
  Matrix weight(count, d);
  std::copy_n(layer.weight->right_singular.data(), weight.values().size(), weight.data());
  std::vector<double> cosines =
      linalg::singular_values(linalg::product(signal, linalg::Transpose::no, weight, linalg::Transpose::yes));
  double sum = 0;
  for (double& cosine : cosines) {
    cosine = std::clamp(cosine, 0.0, 1.0);
    sum += cosine;
  }
  const std::string note = subspace_is_ill_conditioned(layer) ? ill_conditioned
                           : weight_subspace_is_ill_conditioned(*layer.weight, count)
                               ? "ill-conditioned subspace of W"
                               : "";
  add_number(set, "deep_nrc3", sum / static_cast<double>(cosines.size()), std::nullopt, note);
  add_list(set, "deep_nrc3_cosines", cosines, note);
}

void add_linear(MetricSet& set, const LayerSummary& layer, const TargetSummary& targets,
                const Floors& floors) {
  const double entries = static_cast<double>(layer.samples) * static_cast<double>(targets.size());
  const double n = static_cast<double>(targets.size());
  const auto error = [&](double residual, double explained) {
    return layer.residuals ? residual / entries : std::max(0.0, (layer.target_variance - explained) / n);
  };
  // Of a residual of the rows, the best map's is at most what the found one has without the directions left
  // out.
  const auto moved = [&](double value, const MapRounding& rounding) {
    const double best = std::sqrt(value) + std::sqrt(rounding.left_out / n);
    return layer.residuals ? std::min(rounding.residual / n, best * best) : rounding.explained / n;
  };
  const ResidualSums rest = layer.residuals.value_or(ResidualSums{});
  if (layer.published_explained) {
    const double published = error(rest.published, *layer.published_explained);
    add_number(set, "deep_nrc4", published, floors.linear_error(moved(published, layer.published_rounding)));
  } else {
    add_undefined(set, "deep_nrc4", few_eigenpairs);
  }
  if (!layer.affine_explained) {
    add_undefined(set, "linear_mse", few_eigenpairs);
    add_undefined(set, "linear_share", layer.target_variance > 0 ? few_eigenpairs : "zero target variance");
    add_undefined(set, "linear_excess", few_eigenpairs);
    return;
  }
  const double linear = error(rest.affine, *layer.affine_explained);
  const double linear_moved = moved(linear, layer.affine_rounding);
  const double linear_floor = floors.linear_error(linear_moved);
  add_number(set, "linear_mse", linear, linear_floor);
  if (const double variance = layer.target_variance / n; variance > 0) {
    add_number(set, "linear_share", linear / variance, linear_floor / variance);
  } else {
    add_undefined(set, "linear_share", "zero target variance");
  }
  const double excess = linear - (targets.model ? targets.model->mse : 0);
  const bool is_fast = layer.product_rounding > 0;
  // A bound: of residuals of the rows it is 10 to 100 times what is seen.
  const double tolerance = is_fast ? fast_tolerance : layer.residuals ? 1 : one_look_tolerance;
  const double most_moved =
      std::max(tolerance * std::abs(excess), is_fast ? 0 : 1e-12 * layer.target_variance / n);
  if (!targets.model) {
    add_undefined(set, "linear_excess", targets.no_model);
  } else if (linear_moved > most_moved) {
    add_undefined(set, "linear_excess",
                  is_fast           ? not_in_fast_precision
                  : layer.residuals ? "rounding of small directions of the features"
                                    : "rounding: needs a second look at the rows");
  } else {
    const bool is_noted = !is_fast && excess != 0;
    add_number(set, "linear_excess", excess, std::nullopt,
               is_noted ? precision_note(linear_moved / std::abs(excess)) : "");
  }
}

}  // namespace

const char* no_hsic(const LayerSummary& layer) {
  const auto can_be_squared_twice = [](double variance) { return variance > 1e-140 && variance < 1e140; };
  const bool can = std::isfinite(layer.hsic_xx) && std::isfinite(layer.hsic_yy) &&
                   can_be_squared_twice(layer.total_variance) &&
                   (layer.classes || can_be_squared_twice(layer.target_variance));
  return can ? "HSIC <= 0" : "numbers of this size leave float64 when squared twice";
}

double variance_outside(const LayerSummary& layer) {
  const auto& spectrum = layer.spectrum;
  const std::span<const double> tail = std::span(spectrum.values).subspan(layer.signal_dim);
  return std::accumulate(tail.begin(), tail.end(), spectrum.rest_trace) / layer.total_variance;
}

void add_deep_nrc_of_classes(MetricSet& set, const LayerSummary& layer, const TargetSummary& targets) {
  add_deep_nrc1(set, layer, Floors(layer, targets));
  add_cka(set, layer);
  add_deep_nrc3(set, layer);
}

void add_deep_nrc(MetricSet& set, const LayerSummary& layer, const TargetSummary& targets) {
  const Floors floors(layer, targets);
  add_deep_nrc1(set, layer, floors);
  add_cka(set, layer);
  add_partial_cka(set, layer);
  add_deep_nrc3(set, layer);
  add_linear(set, layer, targets, floors);
  add_canonical(set, layer, targets);
}

}  // namespace collapscope
