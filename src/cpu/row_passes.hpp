// Passes over the decoded rows of a tile: norms, shifts, column sums.
#pragma once

#include <span>
#include <vector>

#include "collapscope/matrix.hpp"

namespace collapscope::cpu {

// |v|, without overflow or underflow of the squares.
[[nodiscard]] double norm(std::span<const double> v);

// Sum of squares.
[[nodiscard]] double squared_norm(std::span<const double> v);

// Subtracts `shift` [cols] from every row.
void subtract(MatrixView<double> rows, std::span<const double> shift);

// The mean of the rows [cols], exact for constant columns: first row + mean(rows - first row).
[[nodiscard]] std::vector<double> column_means(MatrixView<const double> rows);

}  // namespace collapscope::cpu
