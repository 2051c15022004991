// The second look of classification on the CPU: each row less the mean of its class, formed and then squared,
// so that nothing cancels; and which class mean is nearest.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "core/workers.hpp"
#include "cpu/best_rows.hpp"
#include "cpu/row_pass.hpp"
#include "cpu/whitening.hpp"
#include "linalg/float_rows.hpp"

namespace collapscope::cpu {

class CpuClassLook {
 public:
  CpuClassLook(const RowFormat& format, const std::vector<double>& feature_mean,
               std::shared_ptr<const ClassLook> look, std::size_t tile_rows, const VectorKernels& kernels,
               std::size_t threads);
  // Adds the rows of a tile, which are finite. numbers: of their classes [rows, 1].
  void add(const RawTile& tile, MatrixView<const double> numbers, const Team& team, ClassResiduals& to);

 private:
  // One thread's room for a block.
  struct Bench {
    RowPass pass;
    Room rest;
    Room unit_rest;
    AlignedDoubles products;
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

  [[nodiscard]] Bench& bench_of(std::size_t worker);
  void add_block(const RawTile& tile, MatrixView<const double> numbers, std::size_t first, std::size_t rows,
                 Bench& bench, ClassResiduals& to);
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
  AlignedDoubles mean_;  // padded
  AlignedDoubles zeros_;
  Whitening whitening_;
  Whitening whitening_by_rows_;
  Whitening unit_whitening_;
  std::optional<BestRows> means_;
  std::optional<BestRows> weight_;
  // Of the tile's rows.
  std::vector<double> squares_;  // |h - mu_y|^2
  std::vector<std::size_t> unsettled_;
  std::vector<std::size_t> nearest_;
  std::vector<std::size_t> chosen_;
  std::vector<std::unique_ptr<Bench>> benches_;
  std::vector<ClassResiduals> blocks_;
};

}  // namespace collapscope::cpu
