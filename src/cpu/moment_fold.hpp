// The first look on the CPU: centred tiles into segment sums, segments into one tree of moments.
#pragma once

#include "collapscope/backend.hpp"
#include "core/moment_tree.hpp"

namespace collapscope::cpu {

class CpuMomentFold final : public MomentFold {
 public:
  CpuMomentFold(const FoldSpec& spec, std::size_t tile_rows);
  void add(const RawTile& tile, MatrixView<const double> targets) override;
  [[nodiscard]] Moments finish() override;

 private:
  // Centre and size of one tile, relative to the pilot.
  struct TileMean {
    double rows;
    std::vector<double> features;
    std::vector<double> targets;
  };

  void choose_pilot(MatrixView<const double> features, MatrixView<const double> targets);
  void add_norms(MatrixView<const double> features);
  void add_centred(MatrixView<double> features, MatrixView<const double> targets);
  void begin_segment();
  void close_segment();
  void add_between_tiles(const std::vector<double>& mean_x, const std::vector<double>& mean_y);

  FoldSpec spec_;
  std::uint64_t segment_rows_;
  Matrix features_;   // [tile_rows, d]
  Matrix unit_rows_;  // [tile_rows, d], when the normalized scatter is wanted
  Matrix right_;      // [tile_rows, n + 2]: targets, a, b
  std::vector<double> pilot_x_;
  std::vector<double> pilot_y_;
  std::vector<TileMean> means_;  // of the current segment
  Moments segment_;              // within-tile sums of the current segment
  Matrix cross_;                 // [d, n + 2]: sum x [y', a, b]^T, x and y' about the tile's mean
  double sum_a_ = 0;             // about the pilot, as all fourth-order sums until the segment is closed
  double sum_b_ = 0;
  MomentTree tree_;
};

}  // namespace collapscope::cpu
