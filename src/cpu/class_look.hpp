// The second look of classification on the CPU: each row less the mean of its class, formed and then squared,
// so that nothing cancels; and which class mean is nearest.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "core/workers.hpp"
#include "cpu/best_rows.hpp"
#include "cpu/gram_pipeline.hpp"
#include "cpu/row_pass.hpp"
#include "cpu/whitened_sum.hpp"
#include "cpu/whitening.hpp"
#include "linalg/float_rows.hpp"

namespace collapscope::cpu {

class CpuClassLook {
 public:
  CpuClassLook(const RowFormat& format, const std::vector<double>& feature_mean,
               std::shared_ptr<const ClassLook> look, std::size_t tile_rows, const VectorKernels& kernels,
               const Team& team);
  // Adds the rows of a tile, which are finite. numbers: of their classes [rows, 1].
  void add(const RawTile& tile, MatrixView<const double> numbers, ClassResiduals& to);
  // Ends a segment: adds what is known then only.
  void finish(ClassResiduals& to);

 private:
  // One thread's room for a block.
  struct Bench {
    RowPass pass;
    Room rest;
    Room unit_rest;
    AlignedDoubles products;
    std::vector<double> coordinates;        // along directions that are taken apart
    std::vector<linalg::FloatRows> floats;  // h - mean, scaled, of rows that are sought for; none or one
    std::vector<double> scales;
    std::vector<double> lengths;  // |h - mean|
    std::vector<double> factors;
    std::vector<double> squares;
    std::vector<const double*> less;
    std::vector<double> plain;  // a row as it is stored
    std::vector<std::size_t> found;
    BestRows::Bench best;
    BestRows::Bench best_of_weight;
  };

  // Which of the rows' differences are formed.
  struct Differences {
    bool plain = true;
    bool unit = true;
  };

  [[nodiscard]] Bench& bench_of(std::size_t worker);
  void add_blocks(const RawTile& tile, MatrixView<const double> numbers);
  void add_products(const RawTile& tile, MatrixView<const double> numbers);
  [[nodiscard]] GramPipeline::Work product_work(const RawTile& tile, MatrixView<const double> numbers,
                                                bool unit, Differences wanted);
  // Block number `number` of the tile.
  void add_block(const RawTile& tile, MatrixView<const double> numbers, std::size_t number,
                 Differences wanted, Bench& bench);
  [[nodiscard]] std::size_t rows_of(const RawTile& tile, std::size_t number) const;
  void settle(MatrixView<const double> numbers);
  [[nodiscard]] ScaledVectors read_sought(const RawTile& tile, std::span<const std::size_t> rows,
                                          Bench& bench) const;
  // Of some rows of the tile, in order: which class mean is nearest, and what the classifier chooses.
  void find_nearest(const RawTile& tile, std::span<const std::size_t> rows, Bench& bench);
  void count_nearest(MatrixView<const double> numbers, ClassResiduals& to) const;
  // Of some rows in the room, which go to those from `first` on.
  void subtract(MatrixView<const double> numbers, std::size_t first, Bench& bench, double* squares) const;
  void subtract_unit(MatrixView<const double> numbers, std::size_t first, Bench& bench) const;

  RowFormat format_;
  std::shared_ptr<const ClassLook> look_;
  const VectorKernels& kernels_;
  Team team_;
  AlignedDoubles mean_;  // padded
  AlignedDoubles zeros_;
  // Where products are summed, nothing is whitened.
  std::optional<WhitenedSum> scatter_;
  std::optional<WhitenedSum> unit_scatter_;
  Whitening whitening_;
  Whitening whitening_by_rows_;
  Whitening unit_whitening_;
  std::size_t block_rows_;  // of what one thread does at once
  std::optional<BestRows> means_;
  std::optional<BestRows> weight_;
  // Of the tile's rows.
  std::vector<double> squares_;  // |h - mu_y|^2
  std::vector<std::size_t> unsettled_;
  std::vector<std::size_t> nearest_;
  std::vector<std::size_t> chosen_;
  std::vector<std::unique_ptr<Bench>> benches_;
  std::vector<ClassResiduals> blocks_;
  // As CpuMomentFold has them.
  std::optional<GramPipeline> pipeline_;
  std::optional<PackedBlocks> packed_tile_;
  std::vector<GramPart> parts_;
};

}  // namespace collapscope::cpu
