// Of the rows v of a matrix those whose score x^T v + offset may be the largest, by products in float32 whose
// rounding has a bound. They cost half of what float64 costs.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "collapscope/core/stored_matrix.hpp"
#include "core/class_scores.hpp"
#include "linalg/float_rows.hpp"

namespace collapscope::cpu {

// Vectors x, each times a power of two that brings its norm to at most 1.
struct ScaledVectors {
  MatrixView<const float> numbers;  // [count, d]
  std::span<const double> scales;   // 0: too large or too small for one
  std::span<const double> norms;    // |x|, not scaled
};

// A power of two that brings such a norm into [1/2, 1), and 0 into itself; 0 where that is too far away.
[[nodiscard]] double scale_of_norm(double norm);

class FloatScreen {
 public:
  // rows [m, d] and their scores, which outlive it.
  FloatScreen(const StoredRows& rows, const ClassScores& scores);

  struct Candidate {
    float score;
    std::size_t row;
  };
  // What is found of a vector. Not known: too many rows are near the best, or sizes are too far apart.
  struct Found {
    bool known = false;
    bool crowded = false;  // of the rows so far too many are near the best
    float best = 0;
    float factor = 0;  // of the offsets
    float reach = 0;   // a candidate's score is so far below the best, at most
    std::vector<Candidate> candidates;
  };
  // One thread's room.
  struct Bench {
    std::vector<linalg::FloatRows> block;  // of some rows, or of all; none or one
    std::vector<float> scores;
    std::vector<Found> found;  // of each vector
  };
  void find(const ScaledVectors& xs, Bench& bench) const;

 private:
  void begin(const ScaledVectors& xs, std::size_t i, Found& found) const;
  [[nodiscard]] MatrixView<const float> block(std::size_t first, std::size_t count, Bench& bench) const;
  void look_at(std::span<float> scores, std::size_t first, Found& found) const;

  StoredRows rows_;
  const ClassScores& scores_;
  double scale_;             // of the rows; 0: none will do
  double offset_scale_ = 1;  // of the offsets; 0: none will do
  std::vector<float> offsets_;
  std::size_t most_candidates_;
};

}  // namespace collapscope::cpu
