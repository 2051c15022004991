// The sum of x^T x over packed rows, by own kernels or by the BLAS.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "collapscope/core/number_memory.hpp"
#include "core/workers.hpp"
#include "cpu/room.hpp"
#include "cpu/row_pass.hpp"
#include "cpu/vector_kernels.hpp"

namespace collapscope::cpu {

// Rows in blocks of block_rows, as VectorKernels::pack writes them; all blocks but the last are full.
class PackedRows {
 public:
  PackedRows(const VectorKernels& kernels, std::size_t rows, std::size_t columns);

  // Packs the rows of a room, each over its divisor, as block number `block`.
  void pack(std::size_t block, const Room& from, std::size_t rows, std::span<const double> divisors);
  // Where a pass over rows may put them by itself.
  [[nodiscard]] RowTarget target(std::size_t block);

  // Columns with their padding.
  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] const double* block(std::size_t number) const {
    return values_.data() + number * block_size_;
  }

 private:
  const VectorKernels& kernels_;
  std::size_t columns_;
  std::size_t block_size_;
  AlignedDoubles values_;
};

// The same as floats, of columns padded to whole panels.
class PackedFloats {
 public:
  PackedFloats(const VectorKernels& kernels, std::size_t rows, std::size_t columns);

  // Leaves the sums of squares of what it rounds in `squares` [columns, padded].
  void pack(std::size_t block, const Room& from, std::size_t rows, std::span<const double> divisors,
            AlignedDoubles& squares);
  [[nodiscard]] float* target(std::size_t block) { return values_.data() + block * panel_rows * columns_; }

  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] const float* block(std::size_t number) const {
    return values_.data() + number * panel_rows * columns_;
  }

 private:
  const VectorKernels& kernels_;
  std::size_t columns_;
  std::vector<float, NumberMemory<float>> values_;
};

// Blocks that are packed before they are multiplied: at least one for each thread, and few enough to be still
// in its second-level cache. The BLAS, whose order of summation we do not know, gets whole tiles.
[[nodiscard]] std::size_t blocks_at_once(const VectorKernels& kernels, std::size_t tile_blocks,
                                         std::size_t columns, std::size_t threads);

// A rectangle of a product, in panels.
struct GramPart {
  std::size_t first_row, last_row, first_column, last_column;
};

// Parts that cover the diagonal and what is above it in columns from `first_column` on, a whole panel, the
// dearest first. Their rows' panels fit into a second-level cache; they are small enough for every thread to
// have some. columns: whole panels, too.
[[nodiscard]] std::vector<GramPart> gram_parts(std::size_t columns, std::size_t panel, std::size_t threads,
                                               std::size_t first_column = 0);

// An accumulator of [columns, columns] whose upper triangle counts. Every element is summed in the order of
// the rows by one thread at a time, so that its bits depend neither on their number nor on the parts.
class GramSum {
 public:
  GramSum(const VectorKernels& kernels, std::size_t columns);

  // Adds the first `rows` packed rows, by own kernels or by the BLAS. Only columns from `first_column` on
  // when it is given.
  void add(const PackedRows& packed, std::size_t rows, const Team& team, std::size_t first_column = 0);

  // What own kernels add to one part.
  void add_part(const GramPart& part, const PackedRows& packed, std::size_t rows);
  // The same of floats that were packed with `scale`: the sums of a block are floats, those of blocks
  // doubles.
  void add_part(const GramPart& part, const PackedFloats& packed, std::size_t rows, double scale);

  void clear();

  // The sum, on and above the diagonal.
  [[nodiscard]] MatrixView<const double> upper() const {
    return {values_.data(), columns_, columns_, stride_};
  }
  // The sum, both triangles.
  [[nodiscard]] MatrixView<const double> symmetric();

 private:
  const VectorKernels& kernels_;
  std::size_t columns_;
  std::size_t stride_;
  std::vector<double, UnfilledMemory<double>> values_;
};

}  // namespace collapscope::cpu
