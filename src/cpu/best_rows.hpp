// For each of some vectors x, the row v of a matrix with the largest score x^T v + offset: screened by
// products of matrices, and decided, where their rounding could, by an exact rule of the caller. What is
// found does not depend on the screening.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "collapscope/core/stored_matrix.hpp"
#include "core/class_scores.hpp"
#include "cpu/float_screen.hpp"
#include "cpu/room.hpp"

namespace collapscope::cpu {

class BestRows {
 public:
  // rows [m, d], which outlive it; scores: of them.
  BestRows(const StoredRows& rows, ClassScores scores)
      : rows_(rows), scores_(std::move(scores)), screen_(rows, scores_) {}
  BestRows(const BestRows&) = delete;
  BestRows& operator=(const BestRows&) = delete;

  struct Rule {
    // How good a row is for the x number i: less is better. Values whose difference is a tie of the scores
    // are equal.
    std::function<double(std::size_t i, std::size_t row)> value;
    // Gives the x number i, not scaled.
    std::function<void(std::size_t i, std::span<double> to)> read;
  };
  // One thread's room.
  struct Bench {
    FloatScreen::Bench floats;
    std::size_t screened = 0;          // by floats, so far
    std::size_t known = 0;             // of these
    std::vector<std::size_t> numbers;  // of those that float64 screens
    std::vector<double> widened;       // some rows of the matrix
    Matrix scores;
    std::vector<double> best;
    std::vector<std::vector<std::pair<double, std::size_t>>> candidates;
    std::vector<std::size_t> rows;  // candidates of one x
    std::vector<double> values;
  };
  static constexpr std::size_t room_rows = 64;
  // found [count]: the first row whose value is not worse than the least by more than a tie. room: for
  // room_rows of the x.
  void find(const ScaledVectors& xs, const Rule& rule, Room& room, Bench& bench,
            std::span<std::size_t> found) const;

 private:
  // Of those with these numbers.
  void find_by_doubles(const ScaledVectors& xs, std::span<const std::size_t> numbers, const Rule& rule,
                       Room& room, Bench& bench, std::span<std::size_t> found) const;
  [[nodiscard]] std::size_t decide(std::size_t i, double norm, const Rule& rule, Bench& bench) const;

  StoredRows rows_;
  ClassScores scores_;
  FloatScreen screen_;
};

}  // namespace collapscope::cpu
