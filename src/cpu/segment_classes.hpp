// The sums of each class of a segment's rows: rows are added one after the other, in their order, each to the
// sums of its class. Threads share out the columns, so that no bit depends on them; one thread alone adds
// block after block, while it is in cache.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "core/workers.hpp"
#include "cpu/room.hpp"
#include "cpu/vector_kernels.hpp"

namespace collapscope::cpu {

class SegmentClasses {
 public:
  SegmentClasses(const FoldSpec& spec, std::size_t tile_rows, const VectorKernels& kernels,
                 std::size_t threads);

  [[nodiscard]] bool wanted() const { return classes_ > 0; }
  [[nodiscard]] bool wants_unit() const { return unit_; }
  // Blocks of a tile are added as they come, each from row 0 on; else whole tiles are.
  [[nodiscard]] bool by_blocks() const { return by_blocks_; }
  // A segment's first rows are there. pilot: what all rows of it are about [d].
  void begin(std::span<const double> pilot);
  // Where row i of a tile or block goes: h - pilot, h / |h| as it is, |h - pilot|^2.
  [[nodiscard]] std::span<double> row(std::size_t i) { return {rows_.row(i), features_}; }
  [[nodiscard]] Room& unit_rows() { return unit_rows_; }
  [[nodiscard]] double& square(std::size_t i) { return squares_of_rows_[i]; }
  // Adds the rows of the tile or block. numbers: of their classes [rows, 1]. Throws UsageError for what is
  // none.
  void add(MatrixView<const double> numbers, const Team& team);
  // The sums, classes in ascending order. The next segment may begin.
  [[nodiscard]] ClassSums finish();

 private:
  [[nodiscard]] std::size_t class_of(double number);

  const VectorKernels& kernels_;
  std::uint64_t classes_;
  bool unit_;
  std::size_t features_;
  bool by_blocks_;
  Room rows_;  // of the tile or block
  Room unit_rows_;
  std::vector<double> squares_of_rows_;
  std::vector<std::size_t> classes_of_rows_;

  // The current segment. A segment has no fewer rows than there are classes, or is the only one: so there is
  // a row of sums for each of them.
  std::vector<double> counts_;
  std::vector<double> squares_;
  Matrix sums_;  // [K, d]
  Matrix unit_sums_;
  std::vector<double> pilot_;
  std::vector<double> unit_pilot_;
};

}  // namespace collapscope::cpu
