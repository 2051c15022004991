// One pass over a block of stored rows: decode, check, norms, shift and column sums while they are in cache.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "collapscope/matrix.hpp"
#include "collapscope/rows.hpp"
#include "cpu/room.hpp"
#include "cpu/vector_kernels.hpp"

namespace collapscope::cpu {

// |v|, without overflow or underflow of the squares.
[[nodiscard]] double norm(std::span<const double> v);

// The mean of the rows [cols], exact for constant columns: first row + mean(rows - first row).
[[nodiscard]] std::vector<double> column_means(MatrixView<const double> rows);

// Reads blocks of one layer's tiles; each thread has its own.
class RowPass {
 public:
  // Blocks of at most `rows` rows; `columns` >= format.row_length() of the room, for the caller to append.
  RowPass(const RowFormat& format, const VectorKernels& kernels, std::size_t rows, std::size_t columns);

  // Reads rows [first, first + count) of a tile and subtracts `shift` [row_length, padded with zeros].
  // Returns the first sample among them with a NaN or Inf; then nothing else counts.
  std::optional<std::uint64_t> read(const RawTile& tile, std::size_t first, std::size_t count,
                                    const AlignedDoubles& shift);

  // Of the rows read last: the shifted rows, their column sums, |h| and |h - shift|^2.
  [[nodiscard]] Room& room() { return room_; }
  [[nodiscard]] AlignedDoubles& sums() { return sums_; }
  [[nodiscard]] std::span<const double> norms() const { return norms_; }
  [[nodiscard]] std::span<const double> squares() const { return centred_squares_; }

 private:
  struct Source {
    const std::byte* bytes;
    std::size_t row_bytes;
    ElementType element;
  };

  [[nodiscard]] std::optional<std::uint64_t> decode(const RawTile& tile, std::size_t first,
                                                    std::size_t count);
  [[nodiscard]] bool finish_norms(const Source& source, std::size_t count, std::size_t& offending);

  RowFormat format_;
  const VectorKernels& kernels_;
  std::optional<Stored> stored_;  // what the kernels read directly; else rows are decoded first
  Matrix decoded_;
  Room room_;
  AlignedDoubles sums_;
  std::vector<double> norms_;
  std::vector<double> centred_squares_;
  std::vector<double> row_;
};

}  // namespace collapscope::cpu
