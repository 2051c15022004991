#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "analysis/layer_format.hpp"
#include "analysis/layer_spectra.hpp"
#include "analysis/measure.hpp"
#include "analysis/next_weight.hpp"
#include "analysis/stored_roundoff.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "core/product_rounding.hpp"
#include "core/vector_math.hpp"
#include "linalg/blas.hpp"
#include "linalg/coordinates.hpp"
#include "linalg/decompose.hpp"
#include "linalg/scatter_products.hpp"
#include "metrics/unbiased_cka.hpp"

namespace collapscope {

namespace {

constexpr double affine_cutoff = 1e-10;    // on eigenvalues: singular values 1e-5 of the largest
constexpr double published_cutoff = 1e-6;  // on eigenvalues: singular values 1e-3 of the largest

void summarize_unbiased(LayerSummary& layer, const Moments& moments) {
  const UnbiasedHsic hsic = unbiased_hsic(moments);
  layer.hsic_xx = hsic.xx;
  layer.hsic_xy = hsic.xy;
  layer.hsic_yy = hsic.yy;
  layer.debiased_rounding = hsic.cka_rounding;
  layer.squared_variance = hsic.traces;
  layer.participation_rounding = hsic.participation_rounding;
  if (layer.product_rounding > 0) {
    layer.hsic_xx_rounding = 2 * layer.product_rounding * trace(moments.feature_scatter) *
                             std::sqrt(linalg::square_norm(moments.feature_scatter));
  }
}

void divide(Matrix& a, double divisor) {
  for (double& value : a.values()) {
    value /= divisor;
  }
}

Matrix first_rows(const Matrix& a, std::size_t first, std::size_t count) {
  Matrix out(count, a.cols());
  std::copy_n(a.data() + first * a.cols(), count * a.cols(), out.data());
  return out;
}

LookSpec look_spec(const LayerSummary& layer, const Moments& moments, const LayerPlan& plan, Matrix affine,
                   Matrix published) {
  LookSpec spec;
  spec.format = plan.format;
  spec.feature_mean = moments.feature_mean;
  spec.target_mean = moments.target_mean;
  spec.feature_rms = std::sqrt(layer.mean_square);
  if (layer.has_signal()) {
    spec.signal = first_rows(layer.spectrum.vectors, 0, layer.signal_dim);
  }
  spec.affine = std::move(affine);
  spec.published = std::move(published);
  const std::size_t d = layer.features();
  if (plan.needs.weight_residuals && layer.weight && layer.weight->rank < d) {
    const std::size_t rank = layer.weight->rank;
    spec.weight_is_complement = 2 * rank > d;
    if (rank == 0) {
      spec.weight = Matrix(1, d);  // whose one row has nothing in it
      return spec;
    }
    spec.weight = spec.weight_is_complement ? first_rows(layer.weight->right_singular, rank, d - rank)
                                            : first_rows(layer.weight->right_singular, 0, rank);
  }
  return spec;
}

// Of the explained part of the targets' variance, when all sums have d eps of their size. coordinates: of
// S_HY along the eigenvectors; trace: of the basis' matrix.
double uncertainty(const Eigenbasis& basis, const Matrix& coordinates, double cutoff, double trace,
                   double target_variance) {
  const double rounding = static_cast<double>(basis.vectors.cols()) * std::numeric_limits<double>::epsilon();
  return least_squares_rounding(basis.values, coordinates, cutoff, rounding * trace).explained +
         rounding * target_variance;
}

// The truncated maps to the targets, transposed [n, d]; empty: not wanted.
struct Maps {
  Matrix affine;
  Matrix published;
};

// Of a matrix of second moments with this trace in float64, about: of its sums and of its decomposition.
double rounding_of(const LayerSummary& layer, double trace) {
  return std::sqrt(static_cast<double>(layer.features())) * std::numeric_limits<double>::epsilon() * trace;
}

// Of the eigenpairs of a matrix in float64, as an error of it in the Frobenius norm: about, not at most.
double rounding_of_pairs(const Eigenbasis& basis) {
  const double d = static_cast<double>(basis.vectors.cols());
  return std::max(2.0, std::sqrt(d) / 4) * std::numeric_limits<double>::epsilon() * basis.values[0];
}

// What rounding may do to a map. Without float32 products that of a residual of the rows is of the
// eigenpairs, that of a difference of moments of all sums.
MapRounding map_rounding(const Eigenbasis& basis, const Matrix& coordinates, double cutoff, double error,
                         double of_products) {
  MapRounding rounding =
      least_squares_rounding(basis.values, coordinates, cutoff, error > 0 ? error : rounding_of_pairs(basis));
  if (!(error > 0)) {
    rounding.explained = least_squares_rounding(basis.values, coordinates, cutoff, of_products).explained;
  }
  return rounding;
}

Matrix affine_map(LayerSummary& layer, const Matrix& coordinates, const LayerPlan& plan, double error) {
  const Eigenbasis& basis = layer.spectrum;
  LeastSquares fit = least_squares(basis.values, coordinates, affine_cutoff);
  layer.affine_rounding =
      map_rounding(basis, coordinates, affine_cutoff, error, rounding_of(layer, layer.total_variance));
  layer.affine_explained = fit.explained;
  if (plan.spares_look) {
    layer.affine_uncertainty =
        uncertainty(basis, coordinates, affine_cutoff, layer.total_variance, layer.target_variance);
  }
  return linalg::combinations(basis, fit.coordinates);
}

Matrix published_map(LayerSummary& layer, const UncentredBasis& uncentred, const LayerPlan& plan,
                     double error) {
  const Eigenbasis& basis = uncentred.basis;
  LeastSquares fit = least_squares(basis.values, uncentred.coordinates, published_cutoff);
  layer.published_rounding = map_rounding(basis, uncentred.coordinates, published_cutoff, error,
                                          rounding_of(layer, layer.mean_square));
  layer.published_explained = fit.explained;
  if (plan.spares_look) {
    layer.published_uncertainty =
        uncertainty(basis, uncentred.coordinates, published_cutoff, layer.mean_square, layer.target_variance);
  }
  return uncentred.combinations(fit.coordinates, layer.spectrum);
}

// Eigenpairs and maps; covariance: S_HH, of which a device may have the sums over so many rows. Both are used
// up.
Maps decompose(LayerSummary& layer, Scatter covariance, OfDevice device, double rows,
               const TargetSummary& targets, const LayerPlan& plan, Backend& backend) {
  const double error = layer.product_rounding * layer.total_variance;
  const Matrix cross_rows = linalg::transposed(layer.cross_covariance);
  {
    const InTurn computes(device.computing, Order::ahead);
    const DeviceSums known{std::move(device.scatter), rows};
    layer.spectrum = centred_basis(covariance, known, layer, plan.needs, error, backend);
  }
  Maps maps;
  if (plan.needs.affine || plan.needs.canonical) {
    const Matrix coordinates = linalg::coordinates(layer.spectrum, cross_rows);
    if (plan.needs.canonical && layer.total_variance > 0 && targets.rank() > 0) {
      layer.canonical = canonical_correlation(layer.spectrum.values, coordinates, targets,
                                              std::max(error, rounding_of(layer, layer.total_variance)));
    }
    if (plan.needs.affine) {
      maps.affine = affine_map(layer, coordinates, plan, error);
    }
  }
  if (plan.needs.uncentred) {
    UncentredBasis uncentred =
        uncentred_basis(layer, cross_rows, covariance, error, backend, device.computing);
    if (plan.needs.published) {
      maps.published = published_map(layer, uncentred, plan, error);
    }
    layer.uncentred = std::move(uncentred.basis.values);
  }
  return maps;
}

std::size_t signal_dim(const AnalysisOptions& options, const TargetSummary& targets, std::size_t features) {
  if (targets.classes && !options.signal_dim) {  // the rank of one-hot labels
    return std::min(targets.classes->labels.size() - 1, features);
  }
  const std::size_t wanted =
      options.intrinsic_signal_dim ? targets.rank() : options.signal_dim.value_or(targets.size());
  return std::min(wanted, features);
}

// The weight of the first shard that has one; other shards must agree.
LayerWeight weight_of(const std::vector<LayerIndex>& shards, const RowFormat& format) {
  LayerWeight weight;
  weight.missing = "no weight";
  for (const LayerIndex& shard : shards) {
    if (!shard.weight) {
      continue;
    }
    LayerWeight found = layer_weight(shard, format);
    if (!weight.matrix.empty() && !(found.matrix == weight.matrix)) {
      throw InputError(shard.weight->file, shard.weight->object,
                       "differs from the weight in an earlier shard");
    }
    weight = std::move(found);
  }
  return weight;
}

// Of the first shard that has one, with which others must agree; zeros where none has.
Vector bias_of(const std::vector<LayerIndex>& shards, std::size_t rows) {
  Vector found;
  for (const LayerIndex& shard : shards) {
    if (shard.weight && shard.bias) {
      const Matrix bias = read_matrix(*shard.bias);
      if (bias.values().size() != rows) {
        throw InputError(shard.bias->file, shard.bias->object,
                         fmt::format("found {} numbers; expected {}, one for each row of the weight",
                                     bias.values().size(), rows));
      }
      if (!found.empty() && !std::ranges::equal(found, bias.values())) {
        throw InputError(shard.bias->file, shard.bias->object, "differs from the bias in an earlier shard");
      }
      found.assign(bias.values().begin(), bias.values().end());
    }
  }
  found.resize(rows, 0.0);
  return found;
}

std::vector<const DatasetIndex*> stored_activations(const std::vector<LayerIndex>& shards) {
  std::vector<const DatasetIndex*> datasets;
  for (const LayerIndex& shard : shards) {
    datasets.push_back(&shard.activations);
  }
  return datasets;
}

}  // namespace

LayerWeight read_weight(const std::vector<LayerIndex>& shards, const LayerPlan& plan) {
  if (plan.needs.weight) {
    LayerWeight weight = weight_of(shards, plan.format);
    compare_with_next(weight, shards, plan);
    if (plan.classes > 0 && !weight.matrix.empty() && !weight.convolution) {
      weight.bias = bias_of(shards, weight.matrix.rows());
    }
    return weight;
  }
  LayerWeight none;
  none.missing = none.no_balance = "not decomposed";
  return none;
}

WeightFacts weight_facts(LayerWeight weight, std::size_t targets, const LayerNeeds& needs) {
  WeightFacts facts;
  facts.missing = weight.missing;
  facts.balance = std::move(weight.balance);
  facts.no_balance = std::move(weight.no_balance);
  if (!weight.matrix.empty() && needs.weight_spectrum) {
    facts.summary = summarize_weight(weight.matrix, weight.convolution, targets);
  }
  if (!weight.bias.empty()) {
    facts.classifier =
        Classifier{std::make_shared<const StoredMatrix>(std::move(weight.matrix)), std::move(weight.bias)};
  }
  return facts;
}

DecomposedLayer decompose_layer(const std::vector<LayerIndex>& shards, WeightFacts weight,
                                const TargetSummary& targets, Moments moments, const LayerPlan& plan,
                                const AnalysisOptions& options, Backend& backend, OfDevice device) {
  DecomposedLayer found;
  LayerSummary& layer = found.summary;
  layer.no_weight = weight.missing.empty() ? "not decomposed" : weight.missing;
  layer.balance = std::move(weight.balance);
  layer.no_balance = std::move(weight.no_balance);
  layer.weight = std::move(weight.summary);
  const double rows = static_cast<double>(moments.count);
  layer.samples = moments.count;
  layer.zero_rows = moments.zero_rows;
  layer.mean_norm = moments.norm_sum / rows;
  layer.feature_mean = moments.feature_mean;
  layer.signal_dim = signal_dim(options, targets, layer.features());
  const bool is_emulated = options.precision == Precision::float64_emulated;
  layer.product_rounding = is_emulated ? emulated_rounding(moments) : product_rounding(moments);
  if (!(layer.product_rounding < 1e-3)) {
    throw InputError(
        shards.front().activations.file, shards.front().activations.object,
        fmt::format("found numbers of sizes that {} products cannot hold; expected --precision float64",
                    is_emulated ? "emulated" : "float32"));
  }
  summarize_unbiased(layer, moments);
  linalg::divide(moments.feature_scatter, rows);
  divide(moments.cross_scatter, rows);
  divide(moments.target_scatter, rows);
  layer.total_variance = trace(moments.feature_scatter);
  layer.mean_square = layer.total_variance + dot(layer.feature_mean, layer.feature_mean);
  if (layer.mean_square == 0 && layer.mean_norm > 0) {
    throw InputError(
        shards.front().activations.file, shards.front().activations.object,
        fmt::format(
            "found rows of norm {:.2g}, the squares of which vanish in float64; expected larger numbers",
            layer.mean_norm));
  }
  layer.unit_roundoff = stored_roundoff(stored_activations(shards), layer.features(), layer.mean_square);
  layer.cross_covariance = moments.cross_scatter;
  layer.target_covariance_norm = linalg::frobenius(moments.target_scatter.values());
  layer.target_variance = trace(moments.target_scatter);
  const std::size_t first = std::min(moments.targets(), layer.features());
  layer.first_features_norm = linalg::leading_norm(moments.feature_scatter, first);
  if (plan.normalized_scatter) {
    linalg::divide(moments.normalized_scatter, rows);
    layer.normalized_moment = std::move(moments.normalized_scatter);
  }

  if (targets.classes) {
    summarize_layer_classes(layer, moments, std::move(weight), *targets.classes, plan);
  }

  Maps maps =
      decompose(layer, std::move(moments.feature_scatter), std::move(device), rows, targets, plan, backend);
  if (layer.classes) {
    add_vci(*layer.classes, layer.spectrum, layer.product_rounding);
  }
  if (plan.looks == 2 && !(plan.spares_look && moments_suffice(layer, targets, options.metrics) &&
                           (!layer.classes || !options.per_class || class_variances_suffice(layer)))) {
    layer.spectrum.factors = nullptr;  // 2 d^2 numbers that only metrics of one look take
    found.look = look_spec(layer, moments, plan, std::move(maps.affine), std::move(maps.published));
    if (layer.classes) {
      layer.signal_from_moments = signal_moments_suffice(layer, options.metrics);
      if (layer.signal_from_moments) {
        found.look->signal = {};
      }
      found.look->classes = class_look(
          layer, options.metrics, plan.segment_samples * plan.format.rows_per_sample(), backend.is_device());
    }
  } else if (layer.spectrum.factors) {
    if (auto vectors = layer.spectrum.factors->brought_home()) {  // before the metrics take them
      layer.spectrum.vectors = *std::move(vectors);
      layer.spectrum.factors = nullptr;
    }
  }
  return found;
}

}  // namespace collapscope
