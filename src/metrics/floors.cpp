#include "metrics/floors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace collapscope {

namespace {

constexpr double eps = std::numeric_limits<double>::epsilon();

double square(double x) { return x * x; }

// How far rounding can turn the signal subspace: eps d lambda_1 over the gap behind it, at least eps d.
double subspace_error(const LayerSummary& layer) {
  const auto& values = layer.spectrum.values;
  const double d = static_cast<double>(layer.features());
  const std::size_t k = layer.signal_dim;
  if (k >= values.size() || k == 0) {
    return d * eps;
  }
  const double gap = values[k - 1] - values[k];
  return gap > 0 ? std::min(1.0, std::max(1.0, values[0] / gap) * d * eps) : 1.0;
}

// How far that subspace is turned when products were float32's (Davis and Kahan 1970): 2 |E|_F over the gap,
// which is itself off by |E|; 0 when there is nothing to turn.
double product_rotation(const LayerSummary& layer) {
  const auto& values = layer.spectrum.values;
  const std::size_t k = layer.signal_dim;
  if (!(layer.product_rounding > 0 && layer.total_variance > 0) || k == 0 || k >= values.size()) {
    return 0;
  }
  return 2 * layer.product_rounding * layer.total_variance / (values[k - 1] - values[k]);
}

// Of a share of the rows that is 1 less a share of sums.
double difference_arithmetic(const LayerSummary& layer) {
  return static_cast<double>(layer.features()) * std::max(eps, layer.product_rounding);
}

// Of a share of the rows outside V_k.
double arithmetic(const LayerSummary& layer, double rotation) {
  const double turned = square(std::min(1.0, rotation));
  const double open = square(subspace_error(layer));
  return layer.signal_residuals() != nullptr ? std::max(open, turned)
                                             : std::max(open, difference_arithmetic(layer)) + turned;
}

// Of one outside a subspace that is known without the layer's eigenvectors.
double known_arithmetic(const LayerSummary& layer) {
  const double rounding = static_cast<double>(layer.features()) * eps;
  return layer.residuals ? square(rounding) : difference_arithmetic(layer);
}

// Of one outside the row space of W, which the rounding of its decomposition turns.
double weight_arithmetic(const LayerSummary& layer) {
  constexpr double of_decomposition = 4 * eps;  // of the largest singular value
  const double known = known_arithmetic(layer);
  if (!layer.weight || layer.weight->rank == 0) {
    return known;
  }
  const auto& values = layer.weight->singular_values;
  const double turned = of_decomposition * values[0] / values[layer.weight->rank - 1];
  return std::max(known, square(std::min(1.0, turned)));
}

// Of deep_nrc1: V_k is the best subspace of S, and the one found the best of S + E, so that the error is at
// most <P - P', E> <= |P - P'|_F |E|_F. It stays small where eigenvalues are equal, and V_k is no one's.
double least_arithmetic(const LayerSummary& layer, double rotation) {
  if (layer.signal_residuals() == nullptr) {
    return difference_arithmetic(layer);
  }
  const double rounding = static_cast<double>(layer.features()) * eps;
  const double most = std::sqrt(static_cast<double>(std::min(layer.signal_dim, layer.features())));
  const auto& values = layer.spectrum.values;
  const double largest = values.empty() || !(layer.total_variance > 0) ? 1 : values[0] / layer.total_variance;
  return std::max(square(rounding),
                  std::sqrt(2.0) * std::max(std::min(subspace_error(layer), most) * rounding * largest,
                                            std::min(rotation, most) * layer.product_rounding));
}

}  // namespace

double subspace_rounding(const LayerSummary& layer) {
  return std::min(1.0, std::max(subspace_error(layer), product_rotation(layer)));
}

Floors::Floors(const LayerSummary& layer, const TargetSummary& targets)
    : arithmetic_(arithmetic(layer, product_rotation(layer))),
      least_arithmetic_(least_arithmetic(layer, product_rotation(layer))),
      known_arithmetic_(known_arithmetic(layer)),
      weight_arithmetic_(weight_arithmetic(layer)),
      input_(square(layer.unit_roundoff) / 3),
      mean_square_(layer.mean_square),
      noise_share_(layer.total_variance > 0 ? input_ * layer.mean_square / layer.total_variance : 0),
      squared_rounding_(
          square(static_cast<double>(layer.features()) * std::max(eps, layer.product_rounding))),
      rows_at_mean_(layer.residuals ? static_cast<double>(layer.residuals->rows_at_mean) /
                                          static_cast<double>(layer.samples)
                                    : 0),
      target_variance_(layer.target_variance / static_cast<double>(std::max<std::size_t>(1, targets.size()))),
      target_noise_(square(targets.unit_roundoff) / 3 * targets.mean_square /
                    static_cast<double>(std::max<std::size_t>(1, targets.size()))) {
  double squares =  // of the shares
      layer.total_variance > 0 ? square(layer.spectrum.rest_norm / layer.total_variance) : 0;
  for (const double value : layer.spectrum.values) {
    squares += layer.total_variance > 0 ? square(value / layer.total_variance) : 0;
  }
  if (squares > 0) {
    squared_noise_ = square(noise_share_) / static_cast<double>(layer.features()) / squares;
  }
}

double Floors::normalized() const { return std::max(arithmetic_, input_); }

double Floors::unnormalized() const { return normalized() * mean_square_; }

double Floors::weight_normalized() const { return std::max(weight_arithmetic_, input_); }

double Floors::weight_unnormalized() const { return weight_normalized() * mean_square_; }

double Floors::variance_share() const { return std::max(least_arithmetic_, noise_share_); }

double Floors::centred_directions() const { return std::max({arithmetic_, noise_share_, rows_at_mean_}); }

double Floors::squared_share() const { return std::max(squared_rounding_, squared_noise_); }

double Floors::linear_error(double map_rounding) const {
  // Directions are kept down to 1e-10 of the largest; an error of the map counts squared.
  const double rounding = std::max(known_arithmetic_, 1e10 * square(eps)) * target_variance_;
  return std::max(
      {rounding, std::min(map_rounding, target_variance_), noise_share_ * target_variance_ + target_noise_});
}

}  // namespace collapscope
