// The first look on the CPU. A row becomes z = [x, y, a, b]: features and targets about the pilot, then
// a = |x|^2 and b = |y|^2, so that one symmetric product of rows z holds all sums of a segment: scatters,
// cross scatter and the fourth-order sums.
//
// Sums about the pilot lose digits only as the mean is far from it, counted in standard deviations; it is the
// mean of rows all over the segment's first tile, so that even where that tile is unlike all others, the
// distance between them makes most of the deviation.
//
// Precision::fast: x^T x is summed from floats, its diagonal from doubles, too; y begins at a whole panel, so
// that everything else is the float64 product of all columns with those from y on.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "core/vector_math.hpp"
#include "cpu/gram_pipeline.hpp"
#include "cpu/row_pass.hpp"
#include "cpu/segment_classes.hpp"

namespace collapscope::cpu {

class CpuMomentFold final : public MomentFold {
 public:
  CpuMomentFold(const FoldSpec& spec, std::size_t tile_rows, const VectorKernels& kernels, const Team& team);
  void add(const RawTile& tile, MatrixView<const double> targets) override;
  [[nodiscard]] Moments finish() override;

 private:
  // What the passes over one block leave behind, for the caller to add up in order.
  struct Block {
    AlignedDoubles sums;          // of z
    AlignedDoubles squares;       // fast: sums of squares of x
    AlignedDoubles unit_squares;  // of h / |h|
    double norm_sum = 0;
    std::uint64_t zero_rows = 0;
    std::optional<std::uint64_t> offending;
  };

  [[nodiscard]] RowPass& pass_of(std::size_t slot);
  [[nodiscard]] std::size_t rows_of(const RawTile& tile, std::size_t block) const;
  void choose_pilot(const RawTile& tile, MatrixView<const double> targets);
  void add_products(const RawTile& tile, MatrixView<const double> targets);
  void add_whole_tile(std::size_t rows, const std::vector<GramPipeline::Work>& works);
  [[nodiscard]] GramPipeline::Work scatter_work(const RawTile& tile, MatrixView<const double> targets);
  [[nodiscard]] GramPipeline::Work unit_work(const RawTile& tile);
  void pack_block(const RawTile& tile, MatrixView<const double> targets, std::size_t number, RowPass& pass,
                  const RowTarget& to);
  void pack_classes(const RawTile& tile, std::size_t number, RowPass& pass, const RowTarget& from);
  void add_block(const Block& block, std::size_t rows);
  void take_diagonals(Moments& segment) const;
  [[nodiscard]] Moments segment_moments();
  void begin_segment();

  FoldSpec spec_;
  const VectorKernels& kernels_;
  Team team_;
  std::size_t tile_rows_;
  bool fast_;
  std::size_t y_;      // column of z where y begins: d, fast: the next whole panel
  std::size_t width_;  // of z: y_ + n + 2

  std::vector<Block> blocks_;  // of the current tile
  // Own kernels are fed by the pipeline; the BLAS, whose order of summation we do not know, gets whole tiles.
  std::optional<GramPipeline> pipeline_;
  std::optional<PackedBlocks> packed_tile_;
  std::vector<GramPart> parts_;                   // of the float64 product: all of z, fast: from y on
  std::vector<GramPart> float_parts_;             // fast: of x
  double scale_ = 1;                              // of x as floats: a power of two that takes them near 1
  std::vector<std::unique_ptr<RowPass>> passes_;  // by slot, made when first needed
  AlignedDoubles no_shift_;                       // zeros

  // The current segment, whose sums depend on its rows alone.
  AlignedDoubles pilot_x_;  // [d, padded]; empty: none yet
  std::vector<double> pilot_y_;
  std::uint64_t count_ = 0;
  AlignedDoubles sums_;   // of z so far
  GramSum scatter_;       // of z about the pilot
  GramSum unit_scatter_;  // of h / |h|
  bool sums_are_used_ = false;
  Vector squares_;  // fast: their diagonals in float64 [d]
  Vector unit_squares_;
  double norm_sum_ = 0;
  std::uint64_t zero_rows_ = 0;
  SegmentClasses classes_;
};

}  // namespace collapscope::cpu
