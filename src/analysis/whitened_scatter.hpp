// Whether the second look of classification whitens row by row, or takes the products of features with
// features and whitens their sum.
//
// For rows r and A [rank, d] with A^T A the pseudo-inverse of a covariance V L V^T between class means, the
// sum of |A r|^2 takes 2 d rank operations a row. As tr(P S), S = sum r r^T, it takes d^2, but S is off by E
// with |E|_F <= c eps tr S, and the trace by |P|_F |E|_F. What lies outside the class means' span counts for
// tr S and not for the result, and a small eigenvalue makes |P|_F large. So both are taken out of r first, at
// 4 d operations a direction: r' is what is left in the leading directions, tr(P S') is at least tr S' / l_1,
// and its relative error at most c eps l_1 |P|_F, whatever the rows are. All of it is known before them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "collapscope/backend/backend.hpp"
#include "collapscope/metrics/class_summary.hpp"

namespace collapscope {

// Whether it takes clearly fewer operations for so many rows, with `apart` directions taken out.
[[nodiscard]] bool scatter_spares(std::uint64_t rows, std::size_t features, std::size_t rank,
                                  std::size_t apart);

// Without an inverse where rows are to be whitened one by one. rows: of the layer, in segments of so many.
[[nodiscard]] WhitenedScatter whitened_scatter(const BetweenCovariance& between, std::uint64_t rows,
                                               std::uint64_t segment_rows);
// For both of two covariances between the same class means; only where they have no small eigenvalues.
[[nodiscard]] WhitenedScatter whitened_scatter(const BetweenCovariance& between,
                                               const BetweenCovariance& by_rows, std::uint64_t rows,
                                               std::uint64_t segment_rows);

}  // namespace collapscope
