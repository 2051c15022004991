#include "collapscope/core/residuals.hpp"

#include <algorithm>
#include <cstddef>

namespace collapscope {

SubspaceResiduals& SubspaceResiduals::operator+=(const SubspaceResiduals& other) {
  plain += other.plain;
  normalized += other.normalized;
  centred += other.centred;
  centred_normalized += other.centred_normalized;
  return *this;
}

ClassResiduals& ClassResiduals::operator+=(const ClassResiduals& other) {
  nearest_own += other.nearest_own;
  nearest_unlike += other.nearest_unlike;
  whitened += other.whitened;
  whitened_by_rows += other.whitened_by_rows;
  whitened_unit += other.whitened_unit;
  squares.resize(std::max(squares.size(), other.squares.size()), 0.0);
  for (std::size_t i = 0; i < other.squares.size(); ++i) {
    squares[i] += other.squares[i];
  }
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
