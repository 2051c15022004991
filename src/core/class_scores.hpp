// Which of some vectors is nearest to a row, or scored highest by a classifier, as a product with the row
// about the mean of all rows and an offset: what finds candidates before an exact rule decides.
#pragma once

#include <cmath>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "collapscope/core/stored_matrix.hpp"

namespace collapscope {

struct ClassScores {
  std::vector<double> offsets;  // of each vector
  double offset_error = 0;      // of each offset, at most
  double rounding = 0;          // of a product, at most, times the row's norm
  double longest = 0;           // |vector|, at most
  double tie = 0;               // distances that differ by less of |row| + longest are equal
  double square_error = 0;      // of the square of a distance, at most, times that of |row| + longest
};

// x is nearest to the vector with the largest x^T m - |m|^2 / 2.
[[nodiscard]] ClassScores scores_of_distance(const Matrix& means);

// W h + b of h = mean + x.
[[nodiscard]] ClassScores scores_of_classifier(const StoredRows& weight, const std::vector<double>& bias,
                                               const std::vector<double>& mean);

// What lies between two scores at most, of which rounding may decide which is larger.
[[nodiscard]] inline double slack_of(const ClassScores& scores, double norm) {
  return 4 * (scores.rounding * norm + scores.offset_error);
}

// How far below the best score that of a vector may lie which an exact rule, with ties, may find.
[[nodiscard]] inline double reach_of(const ClassScores& scores, double norm) {
  const double far = norm + scores.longest;
  return slack_of(scores, norm) + (scores.tie + scores.square_error) * far * far;
}

// The square of the larger of two distances to a row; how far the other's may be below it for a tie: the
// vectors themselves are rounded.
[[nodiscard]] inline double tie_of(const ClassScores& scores, double norm, double square) {
  return scores.tie * (norm + scores.longest) * std::sqrt(square);
}

}  // namespace collapscope
