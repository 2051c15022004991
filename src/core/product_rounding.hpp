// How far sums of float32 products are off.
//
// The diagonal of a scatter is summed in float64 beside the float32 product, so that the rounding of d
// entries is known: e = largest |error_jj| / S_jj. The others are sums over the same rows of products of
// numbers that were rounded alike; their errors are taken to be at most 4 e + u (1024 / N)^(1/2) times the
// norms of their two columns: the term with u = 2^-24, what the rounding of 1024 rows at random leaves, is
// for the chance that few columns came out right. From |E_ij| <= e |x_i| |x_j| follows |E|_F <= e tr S.
#pragma once

#include "collapscope/moments.hpp"

namespace collapscope {

// The share of the trace that bounds the Frobenius norm of the scatters' errors, the larger of the two
// scatters'; 0 when all products were float64's, not finite when float32 could not hold them.
[[nodiscard]] double product_rounding(const Moments& moments);

}  // namespace collapscope
