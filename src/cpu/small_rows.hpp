// Of a block, the rows that need their own scale: see kernels/own_scale.hpp.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "cpu/room.hpp"
#include "cpu/row_pass.hpp"

namespace collapscope::cpu {

// Brings a row of this norm to one between 1 and 2 and returns the power of two that takes it back.
double take_own_scale(std::span<double> row, double norm);

// What a row of this norm is divided by for norm 1, or left 0. A tiny or huge row is scaled first: its norm
// has few digits, or its inverse has.
double unit_divisor(std::span<double> row, double norm);

class SmallRows {
 public:
  // Blocks of at most `rows` rows of `columns` numbers, projected on `maps` maps. Memory is taken when the
  // first such row comes.
  SmallRows(std::size_t rows, std::size_t columns, std::size_t maps);

  // Finds them among the first `rows` rows that `pass` has read last; centred_norms: |h - mean|.
  void find(const RowPass& pass, std::size_t rows, std::span<const double> centred_norms);

  [[nodiscard]] std::size_t count() const { return found_.size(); }
  // Of row i of the block: the power of two that takes it back to its size; 0: it is none of these rows.
  [[nodiscard]] double unscale(std::size_t i) const { return unscale_[i]; }
  // Of the c-th of these rows: its place in the block, its norm as scaled.
  [[nodiscard]] std::size_t place(std::size_t c) const { return found_[c]; }
  [[nodiscard]] double norm(std::size_t c) const { return norms_[c]; }
  // The scaled rows, and room for their coordinates and for a square of each.
  [[nodiscard]] Room& room() { return room_; }
  [[nodiscard]] Matrix& coordinates() { return coordinates_; }
  [[nodiscard]] std::vector<double>& squares() { return squares_; }

 private:
  std::size_t most_;
  std::size_t columns_;
  std::size_t maps_;
  std::vector<double> unscale_;
  std::vector<std::size_t> found_;
  std::vector<double> norms_;
  std::vector<double> squares_;
  Room room_;
  Matrix coordinates_;
};

}  // namespace collapscope::cpu
