#include "core/class_scores.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "core/vector_math.hpp"

namespace collapscope {

namespace {

double rounding_of(std::size_t features) {
  return static_cast<double>(features + 4) * std::numeric_limits<double>::epsilon();
}

double length_of(std::span<const double> v) {
  return std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
}

double longest_row(const StoredRows& rows) {
  double longest = 0;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    double square = 0;
    for (std::size_t j = 0; j < rows.cols(); ++j) {
      square += rows(i, j) * rows(i, j);
    }
    longest = std::max(longest, std::sqrt(square));
  }
  return longest;
}

}  // namespace

ClassScores scores_of_distance(const Matrix& means) {
  ClassScores scores;
  double largest = 0;
  for (std::size_t c = 0; c < means.rows(); ++c) {
    const auto mean = means.view().row(c);
    scores.offsets.push_back(-std::inner_product(mean.begin(), mean.end(), mean.begin(), 0.0) / 2);
    largest = std::max(largest, -scores.offsets.back());
  }
  scores.offset_error = rounding_of(means.cols()) * largest;
  scores.longest = longest_row(means);
  scores.rounding = rounding_of(means.cols()) * scores.longest;
  scores.tie = (16 + std::sqrt(static_cast<double>(means.cols()))) * std::numeric_limits<double>::epsilon();
  scores.square_error = rounding_of(means.cols());
  return scores;
}

ClassScores scores_of_classifier(const StoredRows& weight, const std::vector<double>& bias,
                                 const std::vector<double>& mean) {
  ClassScores scores;
  double largest = 0;
  for (std::size_t i = 0; i < weight.rows(); ++i) {
    scores.offsets.push_back(row_product(weight, i, mean) + bias[i]);
    largest = std::max(largest, std::abs(bias[i]));
  }
  scores.longest = longest_row(weight);
  scores.rounding = rounding_of(weight.cols()) * scores.longest;
  scores.offset_error = rounding_of(weight.cols()) * (scores.longest * length_of(mean) + largest);
  return scores;
}

}  // namespace collapscope
