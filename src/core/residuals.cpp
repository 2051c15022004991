#include "collapscope/core/residuals.hpp"

#include <algorithm>
#include <cstddef>

namespace collapscope {

namespace {

// The shorter one counts as zeros where it ends.
void add_each(std::vector<double>& sums, const std::vector<double>& others) {
  sums.resize(std::max(sums.size(), others.size()), 0.0);
  for (std::size_t i = 0; i < others.size(); ++i) {
    sums[i] += others[i];
  }
}

}  // namespace

SubspaceResiduals& SubspaceResiduals::operator+=(const SubspaceResiduals& other) {
  plain += other.plain;
  normalized += other.normalized;
  centred += other.centred;
  centred_normalized += other.centred_normalized;
  return *this;
}

ClassResiduals& ClassResiduals::operator+=(const ClassResiduals& other) {
  nearest_unlike += other.nearest_unlike;
  whitened += other.whitened;
  whitened_by_rows += other.whitened_by_rows;
  whitened_unit += other.whitened_unit;
  add_each(squares, other.squares);
  add_each(nearest_own, other.nearest_own);
  return *this;
}

ResidualSums& ResidualSums::operator+=(const ResidualSums& other) {
  count += other.count;
  rows_at_mean += other.rows_at_mean;
  signal += other.signal;
  weight += other.weight;
  affine += other.affine;
  published += other.published;
  classes += other.classes;
  return *this;
}

}  // namespace collapscope
