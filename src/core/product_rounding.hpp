// How far sums of float32 products are off.
//
// The diagonal of a scatter is summed in float64 beside the float32 product, so that the rounding of d
// entries is known: e = largest |error_jj| / S_jj. The other entries are sums over the same rows of products
// of numbers that were rounded alike. Few of them may be off by more, relative to the norms of their columns,
// but all together by at most 4 e + 2 u (1024 / N)^(1/2) in the root mean square, which makes |E|_F at most
// that share of tr S; the term with u = 2^-24, what the rounding of 1024 rows at random leaves, is for the
// chance that few columns came out right. An estimate, not a proof: tests/core/fast_products_test.cpp looks
// for exceptions.
#pragma once

#include "collapscope/core/moments.hpp"

namespace collapscope {

// The share of the trace that bounds the Frobenius norm of the scatters' errors, the larger of the two
// scatters'; 0 when all products were float64's, not finite when float32 could not hold them.
[[nodiscard]] double product_rounding(const Moments& moments);

// The same of products that may be as good as float64's: 4 e, and 0 where that is within the d eps that
// float64's may be off. Their rounding is a fixed share of the largest numbers of two columns, and the
// diagonal has both.
[[nodiscard]] double emulated_rounding(const Moments& moments);

}  // namespace collapscope
