// The mean squared canonical correlation of features and targets, from their eigenbases.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "collapscope/metrics/summaries.hpp"
#include "linalg/blas.hpp"
#include "metrics/layer_parts.hpp"
#include "metrics/metric_values.hpp"

namespace collapscope {

namespace {

constexpr double least_eigenvalue = 1e-10;  // of the largest

// Rows u_i / sqrt(mu_i) of S_YY that count.
Matrix whitening_of(const TargetSummary& targets) {
  const Eigenbasis& spectrum = targets.spectrum;
  Matrix rows(targets.rank(), spectrum.vectors.cols());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const double root = std::sqrt(spectrum.values[i]);
    for (std::size_t j = 0; j < rows.cols(); ++j) {
      rows(i, j) = spectrum.vectors(i, j) / root;
    }
  }
  return rows;
}

}  // namespace

// In units of the largest eigenvalue, whose square may be out of float64's range.
CanonicalCorrelation canonical_correlation(std::span<const double> values, const Matrix& coordinates,
                                           const TargetSummary& targets, double error) {
  const std::size_t rank = targets.rank();
  const double n = static_cast<double>(rank);
  const double largest = values[0];
  std::vector<double> shares(values.begin(), values.end());
  for (double& share : shares) {
    share /= largest;
  }
  Matrix along =
      linalg::product(whitening_of(targets), linalg::Transpose::no, coordinates, linalg::Transpose::no);
  for (double& value : along.values()) {
    value /= std::sqrt(largest);
  }
  const double of_targets = static_cast<double>(targets.size()) * std::numeric_limits<double>::epsilon() *
                            (targets.spectrum.values[0] / targets.spectrum.values[rank - 1]);
  return {
      least_squares(shares, along, least_eigenvalue).explained / n,
      least_squares_rounding(shares, along, least_eigenvalue, error / largest).explained / n + of_targets};
}

std::string precision_note(double share) {
  return share <= debiased_tolerance
             ? ""
             : fmt::format("ill-conditioned: right to about 1e{:+03.0f}", std::ceil(std::log10(share)));
}

void add_canonical(MetricSet& set, const LayerSummary& layer, const TargetSummary& targets) {
  if (!(layer.total_variance > 0)) {
    add_undefined(set, "target_cca", zero_variance);
  } else if (targets.rank() == 0) {
    add_undefined(set, "target_cca", "zero target variance");
  } else if (!layer.canonical) {
    add_undefined(set, "target_cca", few_eigenpairs);
  } else {
    const double value = layer.canonical->mean_square;
    const double share = layer.canonical->rounding / std::max(value, least_debiased);
    const bool is_fast = layer.product_rounding > 0;
    if (share <= fast_tolerance) {
      add_number(set, "target_cca", value, std::nullopt, is_fast ? "" : precision_note(share));
    } else {
      add_undefined(set, "target_cca", is_fast ? not_in_fast_precision : "ill-conditioned: rounding");
    }
  }
}

}  // namespace collapscope
