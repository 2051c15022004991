#include "collapscope/summaries.hpp"

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

LeastSquares least_squares(const Eigenbasis& spectrum, const Matrix& cross_covariance, double cutoff) {
  // Coordinates of S_HY along the eigenvectors [d, n].
  Matrix coordinates =
      linalg::product(spectrum.vectors, linalg::Transpose::no, cross_covariance, linalg::Transpose::no);
  double explained = 0;
  for (std::size_t j = 0; j < spectrum.size(); ++j) {
    const bool kept = spectrum.values[j] > cutoff * spectrum.values[0];
    for (double& value : coordinates.view().row(j)) {
      explained += kept ? value * value / spectrum.values[j] : 0;
      value = kept ? value / spectrum.values[j] : 0;
    }
  }
  return {linalg::product(coordinates, linalg::Transpose::yes, spectrum.vectors, linalg::Transpose::no),
          explained};
}

}  // namespace collapscope
