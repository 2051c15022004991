// The fields of sums over rows, by name: for files and messages.
#pragma once

#include <type_traits>

#include "collapscope/core/moments.hpp"
#include "collapscope/core/residuals.hpp"
#include "collapscope/core/segments.hpp"

namespace collapscope {

template <class Sums, class Visit>
requires std::is_same_v<std::remove_const_t<Sums>, Moments>
void each_field(Sums& sums, const Visit& visit) {
  visit("count", sums.count);
  visit("feature_mean", sums.feature_mean);
  visit("target_mean", sums.target_mean);
  visit("feature_scatter", sums.feature_scatter.products);
  visit("feature_rows", sums.feature_scatter.rows);
  visit("cross_scatter", sums.cross_scatter);
  visit("target_scatter", sums.target_scatter);
  visit("aa", sums.unbiased.aa);
  visit("ab", sums.unbiased.ab);
  visit("bb", sums.unbiased.bb);
  visit("a_x", sums.unbiased.a_x);
  visit("a_y", sums.unbiased.a_y);
  visit("b_x", sums.unbiased.b_x);
  visit("b_y", sums.unbiased.b_y);
  visit("norm_sum", sums.norm_sum);
  visit("zero_rows", sums.zero_rows);
  visit("normalized_scatter", sums.normalized_scatter.products);
  visit("normalized_rows", sums.normalized_scatter.rows);
  visit("scatter_error", sums.scatter_error);
  visit("normalized_scatter_error", sums.normalized_scatter_error);
  visit("class_numbers", sums.classes.numbers);
  visit("class_counts", sums.classes.counts);
  visit("class_pilot", sums.classes.pilot);
  visit("class_sums", sums.classes.sums);
  visit("class_squares", sums.classes.squares);
  visit("class_unit_pilot", sums.classes.unit_pilot);
  visit("class_unit_sums", sums.classes.unit_sums);
}

template <class Sums, class Visit>
requires std::is_same_v<std::remove_const_t<Sums>, ResidualSums>
void each_field(Sums& sums, const Visit& visit) {
  visit("count", sums.count);
  visit("signal_plain", sums.signal.plain);
  visit("signal_normalized", sums.signal.normalized);
  visit("signal_centred", sums.signal.centred);
  visit("signal_centred_normalized", sums.signal.centred_normalized);
  visit("weight_plain", sums.weight.plain);
  visit("weight_normalized", sums.weight.normalized);
  visit("weight_centred", sums.weight.centred);
  visit("weight_centred_normalized", sums.weight.centred_normalized);
  visit("rows_at_mean", sums.rows_at_mean);
  visit("affine", sums.affine);
  visit("published", sums.published);
  visit("class_nearest_unlike", sums.classes.nearest_unlike);
  visit("class_whitened", sums.classes.whitened);
  visit("class_whitened_by_rows", sums.classes.whitened_by_rows);
  visit("class_whitened_unit", sums.classes.whitened_unit);
  visit("class_residual_squares", sums.classes.squares);
  visit("class_nearest_own", sums.classes.nearest_own);
}

template <class Place, class Visit>
requires std::is_same_v<std::remove_const_t<Place>, Subtree>
void each_field(Place& place, const Visit& visit) {
  visit("first", place.first);
  visit("height", place.height);
}

}  // namespace collapscope
