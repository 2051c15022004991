// Which of some vectors is nearest to a row, or scored highest by a classifier, as a product with the row
// about the mean of all rows and an offset: what finds candidates before an exact rule decides.
#pragma once

#include <vector>

#include "collapscope/core/matrix.hpp"

namespace collapscope {

struct ClassScores {
  std::vector<double> offsets;  // of each vector
  double offset_error = 0;      // of each offset, at most
  double rounding = 0;          // of a product, at most, times the row's norm
};

// x is nearest to the vector with the largest x^T m - |m|^2 / 2.
[[nodiscard]] ClassScores scores_of_distance(const Matrix& means);

// W h + b of h = mean + x.
[[nodiscard]] ClassScores scores_of_classifier(const Matrix& weight, const std::vector<double>& bias,
                                               const std::vector<double>& mean);

// What lies between two scores at most, of which rounding may decide which is larger.
[[nodiscard]] inline double slack_of(const ClassScores& scores, double norm) {
  return 4 * (scores.rounding * norm + scores.offset_error);
}

}  // namespace collapscope
