// NRC1 and NRC2: how much of the rows lies outside the signal subspace and outside the weight's row space.
#include <algorithm>

#include "collapscope/metrics/metrics.hpp"
#include "core/vector_math.hpp"
#include "linalg/blas.hpp"
#include "linalg/coordinates.hpp"
#include "linalg/scatter_products.hpp"
#include "metrics/floors.hpp"
#include "metrics/layer_parts.hpp"
#include "metrics/metric_values.hpp"

namespace collapscope {

namespace {

Matrix first_rows(const Matrix& basis, std::size_t count) {
  Matrix rows(count, basis.cols());
  std::copy_n(basis.data(), count * basis.cols(), rows.data());
  return rows;
}

// (1/N) sum |h|^2 outside the first `count` rows of an orthonormal basis, from all eigenpairs of S_HH.
double plain_remainder(const LayerSummary& layer, const Matrix& basis, std::size_t count) {
  const Matrix rows = first_rows(basis, count);
  Vector mean = layer.feature_mean;
  add_scaled(mean, -1.0, transposed_product(rows, product(rows, mean)));
  const Matrix along = linalg::coordinates(layer.spectrum, rows);
  double inside = 0;
  for (std::size_t q = 0; q < count; ++q) {
    for (std::size_t i = 0; i < layer.spectrum.size(); ++i) {
      inside += layer.spectrum.values[i] * along(q, i) * along(q, i);
    }
  }
  return std::max(0.0, layer.total_variance - inside) + dot(mean, mean);
}

void add_nrc1(MetricSet& set, const LayerSummary& layer, const Floors& floors) {
  if (!(layer.total_variance > 0)) {
    for (const char* name : {"nrc1", "nrc1_unnormalized", "nrc1_centered"}) {
      add_undefined(set, name, zero_variance);
    }
    return;
  }
  if (!layer.has_signal()) {
    for (const char* name : {"nrc1", "nrc1_unnormalized", "nrc1_centered"}) {
      add_undefined(set, name, few_eigenpairs);
    }
    return;
  }
  const double n = static_cast<double>(layer.samples);
  const std::string note = subspace_is_ill_conditioned(layer) ? ill_conditioned : "";
  const auto& vectors = layer.spectrum.vectors;
  if (layer.residuals) {
    const SubspaceResiduals& rest = layer.residuals->signal;
    add_number(set, "nrc1", rest.normalized / n, floors.normalized(), note);
    add_number(set, "nrc1_unnormalized", rest.plain / n, floors.unnormalized(), note);
    add_number(set, "nrc1_centered", rest.centred_normalized / n, floors.centred_directions(), note);
    return;
  }
  if (layer.normalized_moment) {
    add_number(set, "nrc1", normalized_remainder(layer, vectors, layer.signal_dim), floors.normalized(),
               note);
  } else {
    add_undefined(set, "nrc1", "not summed");
  }
  if (layer.spectrum.is_full()) {
    add_number(set, "nrc1_unnormalized", plain_remainder(layer, vectors, layer.signal_dim),
               floors.unnormalized(), note);
  } else {
    add_undefined(set, "nrc1_unnormalized", few_eigenpairs);
  }
  add_undefined(set, "nrc1_centered", "needs a second look at the rows");
}

void add_nrc2(MetricSet& set, const LayerSummary& layer, const Floors& floors) {
  const bool full_rank = layer.weight && layer.weight->rank == layer.features();
  if (!layer.weight || full_rank) {
    const std::string reason = !layer.weight ? layer.no_weight : "rank(W) = d";
    add_undefined(set, "nrc2", reason);
    add_undefined(set, "nrc2_unnormalized", reason);
    return;
  }
  const double n = static_cast<double>(layer.samples);
  const WeightSummary& weight = *layer.weight;
  if (layer.residuals) {
    add_number(set, "nrc2", layer.residuals->weight.normalized / n, floors.weight_normalized());
    add_number(set, "nrc2_unnormalized", layer.residuals->weight.plain / n, floors.weight_unnormalized());
    return;
  }
  if (layer.normalized_moment) {
    add_number(set, "nrc2", normalized_remainder(layer, weight.right_singular, weight.rank),
               floors.weight_normalized());
  } else {
    add_undefined(set, "nrc2", "not summed");
  }
  if (layer.spectrum.is_full()) {
    add_number(set, "nrc2_unnormalized", plain_remainder(layer, weight.right_singular, weight.rank),
               floors.weight_unnormalized());
  } else {
    add_undefined(set, "nrc2_unnormalized", few_eigenpairs);
  }
}

}  // namespace

double normalized_remainder(const LayerSummary& layer, const Matrix& basis, std::size_t count) {
  const double directed = 1 - static_cast<double>(layer.zero_rows) / static_cast<double>(layer.samples);
  return std::max(0.0, directed - linalg::trace_along(first_rows(basis, count), *layer.normalized_moment));
}

bool subspace_is_ill_conditioned(const LayerSummary& layer) {
  const auto& values = layer.spectrum.values;
  const std::size_t k = layer.signal_dim;
  return k > 0 && k < values.size() &&
         (values[k - 1] - values[k] < 1e-8 * values[0] ||
          (layer.product_rounding > 0 && subspace_rounding(layer) > 1e-3));
}

void add_nrc(MetricSet& set, const LayerSummary& layer, const TargetSummary& targets) {
  const Floors floors(layer, targets);
  add_nrc1(set, layer, floors);
  add_nrc2(set, layer, floors);
}

void add_nrc3(MetricSet& set, const LayerSummary& layer, const TargetSummary& targets) {
  const std::string reason = targets.size() == 1          ? "n = 1"
                             : !layer.weight              ? layer.no_weight
                             : layer.weight->convolution  ? "convolution"
                             : layer.weight->gram.empty() ? "rows(W) != n"
                             : targets.rank() == 0        ? "zero target variance"
                             : layer.weight->rank == 0    ? "weight is 0"
                                                          : "";
  const auto best =
      reason.empty() ? nrc3_minimum(layer.weight->gram, targets.root, targets.lambda_min()) : std::nullopt;
  if (!best) {
    for (const char* name : {"nrc3", "nrc3_gamma", "nrc3_gamma_over_lambda_min"}) {
      add_undefined(set, name, reason.empty() ? "S_YY vanishes" : reason);
    }
  } else {
    add_number(set, "nrc3", best->value);
    add_number(set, "nrc3_gamma", best->gamma);
    if (targets.lambda_min() > 0) {
      add_number(set, "nrc3_gamma_over_lambda_min", best->gamma / targets.lambda_min());
    } else {
      add_undefined(set, "nrc3_gamma_over_lambda_min", "rank-deficient targets");
    }
  }
  const bool ufm = targets.ufm && targets.ufm->has_minimum(targets.lambda_min());
  const auto value = best && ufm ? nrc3(layer.weight->gram, targets.root, targets.ufm->c()) : std::nullopt;
  if (value) {
    add_number(set, "nrc3_ufm", *value);
  } else {
    add_undefined(set, "nrc3_ufm",
                  !reason.empty() ? reason
                  : !targets.ufm  ? targets.no_ufm
                  : !ufm          ? "c is not in (0, lambda_min)"
                                  : "S_YY is c I");
  }
}

}  // namespace collapscope
