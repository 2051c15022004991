#include "collapscope/core/residuals.hpp"

namespace collapscope {

SubspaceResiduals& SubspaceResiduals::operator+=(const SubspaceResiduals& other) {
  plain += other.plain;
  normalized += other.normalized;
  centred += other.centred;
  centred_normalized += other.centred_normalized;
  return *this;
}

ResidualSums& ResidualSums::operator+=(const ResidualSums& other) {
  count += other.count;
  rows_at_mean += other.rows_at_mean;
  signal += other.signal;
  weight += other.weight;
  affine += other.affine;
  published += other.published;
  return *this;
}

}  // namespace collapscope
