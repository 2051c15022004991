// The first look at a layer of few rows on the CPU: nothing is multiplied, the moments hold the rows.
#pragma once

#include <memory>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "core/vector_math.hpp"
#include "cpu/row_pass.hpp"
#include "cpu/segment_classes.hpp"

namespace collapscope::cpu {

class FewRowsFold final : public MomentFold {
 public:
  // Segments of at most spec.rows rows, for which room is made.
  FewRowsFold(const FoldSpec& spec, std::size_t tile_rows, const VectorKernels& kernels, const Team& team);
  void add(const RawTile& tile, MatrixView<const double> targets) override;
  [[nodiscard]] Moments finish() override;

 private:
  [[nodiscard]] RowPass& pass_of(std::size_t slot);
  void begin_segment();
  void choose_pilot(const RawTile& tile, MatrixView<const double> targets);
  void read_block(const RawTile& tile, std::size_t first, std::size_t rows, RowPass& pass);
  void take_units(const RawTile& tile, std::size_t first, std::size_t rows, RowPass& pass);
  [[nodiscard]] std::size_t most_rows() const;
  [[nodiscard]] Moments segment_moments();

  FoldSpec spec_;
  std::size_t tile_rows_;
  const VectorKernels& kernels_;
  Team team_;
  std::size_t block_;                             // rows
  std::vector<std::unique_ptr<RowPass>> passes_;  // by slot, made when first needed
  AlignedDoubles no_shift_;

  // The current segment.
  AlignedDoubles pilot_;  // [d, padded]; empty: none yet
  Matrix x_;              // rows about the pilot, as many as there may be
  Matrix units_;          // h / |h|
  Matrix y_;              // targets as they are
  Vector norms_;
  std::size_t count_ = 0;
  SegmentClasses classes_;
};

}  // namespace collapscope::cpu
