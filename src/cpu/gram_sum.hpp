// The sum of x^T x over packed rows, by own kernels or by the BLAS.
#pragma once

#include <cstddef>
#include <vector>

#include "collapscope/matrix.hpp"
#include "core/workers.hpp"
#include "cpu/room.hpp"
#include "cpu/vector_kernels.hpp"

namespace collapscope::cpu {

// Rows in blocks of block_rows, as VectorKernels::pack writes them; all blocks but the last are full.
class PackedRows {
 public:
  PackedRows(const VectorKernels& kernels, std::size_t rows, std::size_t columns);

  // Packs the rows of a room less `shift` [columns, padded] as block number `block`.
  void pack(std::size_t block, const Room& from, std::size_t rows, const AlignedDoubles& shift);

  // Columns with their padding.
  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] const double* block(std::size_t number) const {
    return values_.data() + number * block_rows * columns_;
  }

 private:
  const VectorKernels& kernels_;
  std::size_t columns_;
  AlignedDoubles values_;
};

// Blocks that are packed before they are multiplied: at least one for each thread, and few enough to be still
// in its second-level cache. The BLAS, whose order of summation we do not know, gets whole tiles.
[[nodiscard]] std::size_t blocks_at_once(const VectorKernels& kernels, std::size_t tile_blocks,
                                         std::size_t columns, std::size_t threads);

// An accumulator of [columns, columns] whose upper triangle counts.
class GramSum {
 public:
  // Cut into parts for so many threads; bits do not depend on the cut.
  GramSum(const VectorKernels& kernels, std::size_t columns, std::size_t threads);

  // Adds the first `rows` packed rows. Every element is summed in the order of the rows by one thread, so
  // that its bits do not depend on their number.
  void add(const PackedRows& packed, std::size_t rows, const Team& team);

  // Rectangles of the matrix that may be added to at the same time; 0 where the BLAS adds to the whole.
  [[nodiscard]] std::size_t parts() const { return parts_.size(); }
  void add_part(std::size_t part, const PackedRows& packed, std::size_t rows);

  void clear();

  // The sum, both triangles.
  [[nodiscard]] MatrixView<const double> symmetric();

 private:
  // A rectangle, in panels.
  struct Part {
    std::size_t first_row, last_row, first_column, last_column;
  };
  [[nodiscard]] static std::vector<Part> parts_of(std::size_t panels, std::size_t panel, std::size_t threads);

  const VectorKernels& kernels_;
  std::size_t columns_;
  std::size_t stride_;
  std::vector<Part> parts_;
  AlignedDoubles values_;
};

}  // namespace collapscope::cpu
