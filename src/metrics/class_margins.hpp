// How far a row may be from the mean of its class and still be nearest to it, and be given this class by the
// classifier: what a few products of classes with classes tell spares those of rows with classes.
#pragma once

#include <vector>

#include "collapscope/metrics/class_summary.hpp"

namespace collapscope {

// Of each class the largest such distance [K]; 0 where there is none.
// Half the distance to the nearest other mean. means [K, d].
[[nodiscard]] std::vector<double> nearest_margins(const Matrix& means);

// Where the classifier gives mu_y + r class y for every |r| below it: the least of the scores' differences at
// mu_y over |w_y - w_c|. mean [d]: of all rows, about which the means are; weight_rows [K]: y's row of W.
[[nodiscard]] std::vector<double> choice_margins(const Matrix& means, const std::vector<double>& mean,
                                                 const Classifier& classifier,
                                                 const std::vector<double>& weight_rows);

}  // namespace collapscope
