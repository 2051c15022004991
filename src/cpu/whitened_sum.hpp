// The sum over the rows r of a segment of |A r|^2, from the products of their features: a WhitenedScatter.
#pragma once

#include <cstddef>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "cpu/gram_sum.hpp"
#include "cpu/room.hpp"

namespace collapscope::cpu {

class WhitenedSum {
 public:
  // how: outlives it; with an inverse.
  WhitenedSum(const WhitenedScatter& how, const VectorKernels& kernels);

  // Takes out of the first rows of x, in a room, what lies along the directions apart, and returns what that
  // adds to the result. coordinates: room for a number of each row and direction.
  [[nodiscard]] double take_apart(Room& x, std::size_t rows, std::vector<double>& coordinates) const;
  // The products of what is left.
  [[nodiscard]] GramSum& products() { return products_; }
  // Of the segment so far: what they add to the results, the second where it is wanted.
  struct Traces {
    double whitened = 0;
    double by_rows = 0;
  };
  // Ends it.
  [[nodiscard]] Traces finish();

 private:
  const WhitenedScatter& how_;
  GramSum products_;
};

}  // namespace collapscope::cpu
