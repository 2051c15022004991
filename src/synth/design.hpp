// Columns that are exactly orthogonal over N rows, each computed from its row number alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "collapscope/core/matrix.hpp"

namespace collapscope::synth {

// Column j at row i is sqrt(2) cos(2 pi (j + 1) p(i) / N), p a scrambling of the rows: for different j below
// N / 2 the columns have mean 0, variance 1 and covariance 0.
class CosineDesign {
 public:
  explicit CosineDesign(std::uint64_t samples);
  // Columns [first_column, first_column + out.cols()) of rows [first_row, first_row + out.rows()).
  void fill(std::uint64_t first_row, std::size_t first_column, MatrixView<double> out) const;

 private:
  std::uint64_t samples_;
  std::uint64_t stride_;  // coprime to samples_
};

// The reflection I - 2 v v^T / |v|^2 with a v that mixes all coordinates; orthogonal.
class Reflection {
 public:
  explicit Reflection(std::size_t size);
  void apply(MatrixView<double> rows) const;

 private:
  std::vector<double> v_;  // |v| = 1
};

}  // namespace collapscope::synth
