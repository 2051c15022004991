#include "collapscope/metrics/summaries.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"

namespace collapscope {

double TargetSummary::total_variance() const {
  return std::accumulate(spectrum.values.begin(), spectrum.values.end(), 0.0);
}

double TargetSummary::lambda_min() const { return spectrum.values.empty() ? 0 : spectrum.values.back(); }

std::size_t TargetSummary::rank() const {
  const auto& values = spectrum.values;
  return values.empty()
             ? 0
             : static_cast<std::size_t>(std::count_if(
                   values.begin(), values.end(), [&](double value) { return value > 1e-10 * values[0]; }));
}

Matrix symmetric_root(const Eigenbasis& spectrum) {
  Matrix scaled = spectrum.vectors;
  for (std::size_t j = 0; j < scaled.rows(); ++j) {
    for (double& value : scaled.view().row(j)) {
      value *= std::sqrt(spectrum.values[j]);
    }
  }
  return linalg::product(spectrum.vectors, linalg::Transpose::yes, scaled, linalg::Transpose::no);
}

WeightSummary summarize_weight(const Matrix& weight, bool convolution, std::size_t targets) {
  WeightSummary summary;
  summary.rows = weight.rows();
  summary.convolution = convolution;
  linalg::RightSingular decomposition = linalg::right_singular(weight);
  summary.singular_values = std::move(decomposition.values);
  summary.right_singular = std::move(decomposition.vectors);
  const double largest = summary.singular_values.empty() ? 0 : summary.singular_values[0];
  const double tolerance = static_cast<double>(std::max(weight.rows(), weight.cols())) *
                           std::numeric_limits<double>::epsilon() * largest;
  summary.rank =
      static_cast<std::size_t>(std::count_if(summary.singular_values.begin(), summary.singular_values.end(),
                                             [&](double value) { return value > tolerance; }));
  if (!convolution && weight.rows() == targets) {
    summary.gram = linalg::product(weight, linalg::Transpose::no, weight, linalg::Transpose::yes);
  }
  return summary;
}

LeastSquares least_squares(std::span<const double> values, const Matrix& coordinates, double cutoff) {
  LeastSquares result{coordinates, 0};
  for (std::size_t i = 0; i < coordinates.rows(); ++i) {
    for (std::size_t j = 0; j < values.size(); ++j) {
      double& value = result.coordinates(i, j);
      const bool kept = values[j] > cutoff * values[0];
      result.explained += kept ? value * value / values[j] : 0;
      value = kept ? value / values[j] : 0;
    }
  }
  return result;
}

// Eigenvalues farther than `error` above the cut-off are kept, those as far below are left out. What lies
// between, directions u, explains at most |c_u|^2 / cut-off, whether kept or not, c_u being its true part of
// S_HY. Otherwise the map moves with the eigenvectors (Daleckii and Krein): kept i mix with others j by E_ij
// / (l_i - l_j), and its error among the kept ones counts squared in the residual.
MapRounding least_squares_rounding(std::span<const double> values, const Matrix& coordinates, double cutoff,
                                   double error) {
  if (!(error > 0)) {
    return {};
  }
  std::vector<double> along(values.size());  // |c_j|^2
  for (std::size_t i = 0; i < coordinates.rows(); ++i) {
    for (std::size_t j = 0; j < along.size(); ++j) {
      along[j] += coordinates(i, j) * coordinates(i, j);
    }
  }
  const double limit = cutoff * values[0];
  const auto above = [&](double least) {
    return static_cast<std::size_t>(
        std::count_if(values.begin(), values.end(), [&](double value) { return value > least; }));
  };
  const std::size_t kept = above(limit + error);
  const std::size_t known = std::max(kept, above(limit - error));  // [kept, known) are between
  double map = 0;                                                  // |B|_F^2
  double mixing = 0;  // sum over kept i and others j of (|c_i| |c_j| / (l_i (l_i - l_j)))^2
  double turned = 0;  // sum over kept i of (|c_i| / (l_i - l_u))^2
  for (std::size_t i = 0; i < kept; ++i) {
    const double share = along[i] / (values[i] * values[i]);
    map += share;
    for (std::size_t j = kept; j < values.size(); ++j) {
      mixing += share * along[j] / ((values[i] - values[j]) * (values[i] - values[j]));
    }
    if (kept < known) {
      turned += along[i] / ((values[i] - values[kept]) * (values[i] - values[kept]));
    }
  }
  double between = 0;
  if (kept < known) {
    const double part_found = std::accumulate(along.begin() + static_cast<std::ptrdiff_t>(kept),
                                              along.begin() + static_cast<std::ptrdiff_t>(known), 0.0);
    const double part = std::sqrt(part_found) + error * std::sqrt(turned);
    between = 2 * part * part / limit;
  }
  // Twice, for the orders that are left out.
  const double least = kept > 0 ? values[kept - 1] : 1;
  const double residual = between + 4 * error * std::sqrt(mixing) + 2 * error * error * map / least;
  double found = 0;  // |map|_F^2
  for (std::size_t j = 0; j < values.size() && values[j] > limit; ++j) {
    found += along[j] / (values[j] * values[j]);
  }
  return {residual, residual + 2 * error * map, cutoff * (values[0] + error) * found};
}

}  // namespace collapscope
