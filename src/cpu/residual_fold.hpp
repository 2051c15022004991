// The second look on the CPU: each row's part outside a subspace, formed and then squared, so that nothing
// cancels.
#pragma once

#include "collapscope/backend.hpp"

namespace collapscope::cpu {

class CpuResidualFold final : public ResidualFold {
 public:
  CpuResidualFold(LookSpec spec, std::size_t tile_rows);
  void add(const RawTile& tile, MatrixView<const double> targets) override;
  [[nodiscard]] ResidualSums finish() override { return sums_; }

 private:
  // One tile's norms, needed to normalize residuals.
  struct Norms {
    std::vector<double> plain;    // |h|
    std::vector<double> centred;  // |h - mean|
  };

  void add_outside(MatrixView<const double> x, MatrixView<const double> coordinates, const Matrix& basis,
                   const std::vector<double>& mean_outside, const Norms& norms, SubspaceResiduals& to);
  void add_complement(MatrixView<const double> coordinates, const std::vector<double>& mean_coordinates,
                      const Norms& norms, SubspaceResiduals& to);
  [[nodiscard]] double map_error(MatrixView<const double> predicted, std::span<const double> offset,
                                 MatrixView<const double> targets) const;

  LookSpec spec_;
  Matrix maps_;  // [k + r + 2n, d]: signal, weight, affine, published, one under another
  std::vector<double> mean_coordinates_;  // maps_ times the feature mean
  std::vector<double> signal_mean_outside_;
  std::vector<double> weight_mean_outside_;
  Matrix features_;     // [tile_rows, d]
  Matrix outside_;      // [tile_rows, d]
  Matrix coordinates_;  // [tile_rows, k + r + 2n]
  ResidualSums sums_;
};

}  // namespace collapscope::cpu
