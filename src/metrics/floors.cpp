#include "metrics/floors.hpp"

#include <algorithm>
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

}  // namespace

Floors::Floors(const LayerSummary& layer, const TargetSummary& targets)
    : arithmetic_(layer.residuals ? square(subspace_error(layer))
                                  : static_cast<double>(layer.features()) * eps),
      input_(square(layer.unit_roundoff) / 3),
      mean_square_(layer.mean_square),
      noise_share_(layer.total_variance > 0 ? input_ * layer.mean_square / layer.total_variance : 0),
      squared_rounding_(square(static_cast<double>(layer.features()) * eps)),
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

double Floors::variance_share() const { return std::max(arithmetic_, noise_share_); }

double Floors::centred_directions() const { return std::max(variance_share(), rows_at_mean_); }

double Floors::squared_share() const { return std::max(squared_rounding_, squared_noise_); }

double Floors::linear_error() const {
  // Directions are kept down to 1e-10 of the largest; an error of the map counts squared.
  const double rounding = std::max(arithmetic_, 1e10 * square(eps)) * target_variance_;
  return std::max(rounding, noise_share_ * target_variance_ + target_noise_);
}

}  // namespace collapscope
