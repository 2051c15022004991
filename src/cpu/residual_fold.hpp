// The second look on the CPU: the square of each row's part outside a subspace. Where little is outside, the
// part is formed and then squared, so that nothing cancels; else the square inside is taken from the whole.
// Rows that are small against the mean are projected once more, as they are.
// A block of rows is read, projected and squared by one thread while it is in cache.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "core/workers.hpp"
#include "cpu/class_look.hpp"
#include "cpu/row_pass.hpp"
#include "cpu/small_rows.hpp"

namespace collapscope::cpu {

class CpuResidualFold final : public ResidualFold {
 public:
  CpuResidualFold(LookSpec spec, std::size_t tile_rows, const VectorKernels& kernels, const Team& team);
  void add(const RawTile& tile, MatrixView<const double> targets) override;
  [[nodiscard]] ResidualSums finish() override;

 private:
  struct Block {
    ResidualSums sums;
    std::optional<std::uint64_t> offending;
  };

  // One thread's room for a block.
  struct Bench {
    RowPass pass;
    SmallRows small;
    Room rest;
    Matrix coordinates;                // [rows, maps]
    std::vector<double> centred;       // |h - mean|
    std::vector<double> rest_centred;  // squares of what is outside, of h - mean
    std::vector<double> rest_plain;    // and of h; of small rows as scaled
    std::vector<double> formed_centred;
    std::vector<double> formed_plain;  // the same, of the parts outside as formed
  };

  // An orthonormal basis: rows [first, first + count) of the maps.
  struct Basis {
    std::size_t first = 0;
    std::size_t count = 0;
    AlignedDoubles mean_outside;  // the feature mean less its part in the span
  };

  [[nodiscard]] Basis basis_of(std::size_t first, const Matrix& rows) const;
  [[nodiscard]] Bench& bench_of(std::size_t worker);
  void add_block(const RawTile& tile, MatrixView<const double> targets, std::size_t first, std::size_t rows,
                 Bench& bench, Block& to) const;
  void project(const Room& x, std::size_t rows, Matrix& coordinates) const;
  void add_outside(const Basis& basis, Bench& bench, std::size_t rows, SubspaceResiduals& to) const;
  [[nodiscard]] bool subtract_inside(const Basis& basis, Bench& bench, std::size_t rows) const;
  // Squares outside of each row of x, and of the row plus `offset`. rest: room for rows.
  void form_outside(const Basis& basis, const Room& x, std::size_t rows, const Matrix& coordinates,
                    const AlignedDoubles& offset, Room& rest, std::vector<double>& centred,
                    std::vector<double>& plain) const;
  // The same where the coordinates themselves are what is outside.
  void square_coordinates(std::size_t rows, const Matrix& coordinates, const AlignedDoubles& offset,
                          Room& rest, std::vector<double>& centred, std::vector<double>& plain) const;
  void add_complement(Bench& bench, std::size_t rows, SubspaceResiduals& to) const;
  void add_squares(Bench& bench, std::size_t rows, SubspaceResiduals& to) const;
  [[nodiscard]] double map_error(MatrixView<const double> predicted, std::span<const double> offset,
                                 MatrixView<const double> targets) const;

  LookSpec spec_;
  const VectorKernels& kernels_;
  Team team_;
  std::size_t tile_rows_;
  Room maps_;  // [k + r + 2n, d]: signal, weight, affine, published, one under another
  std::size_t map_count_ = 0;
  std::size_t block_rows_ = 0;
  AlignedDoubles mean_;  // of the features, padded
  AlignedDoubles zeros_;
  std::vector<double> mean_coordinates_;  // maps_ times the feature mean
  Basis signal_;
  Basis weight_;
  std::vector<std::unique_ptr<Bench>> benches_;
  std::vector<Block> blocks_;
  std::optional<CpuClassLook> classes_;
  ResidualSums sums_;  // of the current segment
};

}  // namespace collapscope::cpu
