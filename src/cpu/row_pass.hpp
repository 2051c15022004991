// One pass over a block of stored rows: decode, check, norms, shift and column sums while they are in cache.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "collapscope/core/rows.hpp"
#include "cpu/room.hpp"
#include "cpu/vector_kernels.hpp"

namespace collapscope::cpu {

// |v|, without overflow or underflow of the squares.
[[nodiscard]] double norm(std::span<const double> v);

// The mean of the rows [cols], exact for constant columns: first row + mean(rows - first row).
[[nodiscard]] std::vector<double> column_means(MatrixView<const double> rows);

// Where shifted rows go: a room's rows, or a packed block's, then perhaps as floats, too.
struct RowTarget {
  double* rows = nullptr;
  std::size_t stride = 0;      // numbers from row to row
  std::size_t panel = 0;       // columns of a panel; 0: a row's columns follow one another
  std::size_t panel_size = 0;  // numbers from panel to panel
  float* floats = nullptr;     // as of CentreTask
  double scale = 1;
  double* column_squares = nullptr;

  [[nodiscard]] double& at(std::size_t row, std::size_t column) const {
    return panel == 0 ? rows[row * stride + column]
                      : rows[column / panel * panel_size + row * stride + column % panel];
  }
};

// Reads blocks of one layer's tiles; each thread has its own.
class RowPass {
 public:
  // Blocks of at most `rows` rows; `columns` >= format.row_length() of the room, for the caller to append.
  RowPass(const RowFormat& format, const VectorKernels& kernels, std::size_t rows, std::size_t columns);

  // Reads rows [first, first + count) of a tile and subtracts `shift` [row_length, padded with zeros].
  // Returns the first sample among them with a NaN or Inf; then nothing else counts.
  std::optional<std::uint64_t> read(const RawTile& tile, std::size_t first, std::size_t count,
                                    const AlignedDoubles& shift);
  // The same into other memory than the room.
  std::optional<std::uint64_t> read(const RawTile& tile, std::size_t first, std::size_t count,
                                    const AlignedDoubles& shift, const RowTarget& to);

  // Of the rows read last: the shifted rows in the room, their column sums, |h| and |h - shift|^2.
  [[nodiscard]] Room& room() { return room_; }
  [[nodiscard]] AlignedDoubles& sums() { return sums_; }
  [[nodiscard]] std::span<const double> norms() const { return norms_; }
  [[nodiscard]] std::span<const double> squares() const { return centred_squares_; }
  // Row i of them as it is stored, no shift subtracted. The tile must still be there.
  void plain_row(std::size_t i, std::span<double> to) const;

 private:
  struct Source {
    const std::byte* bytes = nullptr;
    std::size_t row_bytes = 0;
    ElementType element;
  };

  [[nodiscard]] std::optional<std::uint64_t> decode(const RawTile& tile, std::size_t first,
                                                    std::size_t count);
  [[nodiscard]] bool finish_norms(std::size_t count, std::size_t& offending);

  RowFormat format_;
  const VectorKernels& kernels_;
  std::optional<Stored> stored_;  // what the kernels read directly; else rows are decoded first
  Matrix decoded_;
  Source source_;  // of the rows read last
  std::size_t columns_;
  Room room_;  // made when first read into
  AlignedDoubles sums_;
  std::vector<double> norms_;
  std::vector<double> centred_squares_;
  std::vector<double> row_;
};

// Up to 64 rows of d features from all over a tile, as they are. A NaN or Inf among them stays.
[[nodiscard]] Room some_rows(RowPass& pass, const RawTile& tile, std::size_t d);

}  // namespace collapscope::cpu
