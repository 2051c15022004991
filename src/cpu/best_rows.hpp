// For each of some vectors x, the row v of a matrix with the largest score x^T v + offset: screened by
// products of matrices, and decided, where rounding could, by an exact rule of the caller.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "core/class_scores.hpp"
#include "cpu/room.hpp"

namespace collapscope::cpu {

class BestRows {
 public:
  // rows [m, d], which outlive it; scores: of them.
  BestRows(const Matrix& rows, ClassScores scores) : rows_(rows), scores_(std::move(scores)) {}

  [[nodiscard]] const ClassScores& scores() const { return scores_; }
  // One thread's room.
  struct Bench {
    Matrix scores;
    std::vector<double> best;
    std::vector<std::vector<std::pair<double, std::size_t>>> candidates;
  };
  // Whether row a is strictly better than b for the x number i.
  using IsBetter = std::function<bool(std::size_t i, std::size_t a, std::size_t b)>;
  // found [count]: the best rows of the first `count` of xs; of equal ones the first.
  void find(const Room& xs, std::size_t count, std::span<const double> norms, const IsBetter& is_better,
            Bench& bench, std::span<std::size_t> found) const;

 private:
  const Matrix& rows_;
  ClassScores scores_;
};

}  // namespace collapscope::cpu
