// The geometry that SELI predicts for classes of different sizes.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "collapscope/core/matrix.hpp"

namespace collapscope {

// The Gram matrices of weights and of centred class means that SELI predicts for these counts, up to scale
// (Thrampoulidis et al. 2022). Classes of equal counts are alike, so that a block per pair of counts tells
// all.
class SeliGram {
 public:
  enum class Of { weights, means };
  SeliGram(std::span<const double> counts, Of what);
  // Entry (a, b), over the matrix's Frobenius norm.
  [[nodiscard]] double at(std::size_t a, std::size_t b) const {
    const std::size_t g = group_[a];
    return between_(g, group_[b]) + (a == b ? alone_[g] : 0);
  }

 private:
  std::vector<std::size_t> group_;  // of each class
  Matrix between_;                  // entries of different classes of two groups
  std::vector<double> alone_;       // what a class with itself has more
};

}  // namespace collapscope
