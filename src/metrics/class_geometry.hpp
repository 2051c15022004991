// Norms and angles of K vectors, the pairs among them, and the geometries that theory predicts. Of K x K
// matrices only blocks exist.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "collapscope/core/stored_matrix.hpp"
#include "core/vector_math.hpp"
#include "metrics/seli.hpp"

namespace collapscope {

inline constexpr double float64_epsilon = std::numeric_limits<double>::epsilon();

// Some rows of a matrix less a centre. The matrix outlives it.
class ClassVectors {
 public:
  // picks: the rows, in order; empty: all.
  ClassVectors(const StoredRows& rows, std::vector<std::size_t> picks, bool centred);

  [[nodiscard]] std::size_t size() const { return picks_.empty() ? rows_.rows() : picks_.size(); }
  [[nodiscard]] std::size_t features() const { return rows_.cols(); }
  [[nodiscard]] Matrix block(std::size_t first, std::size_t count) const;
  // |v_c| [K]. What is rounding beside the longest is 0.
  [[nodiscard]] const std::vector<double>& norms() const { return norms_; }
  // sum |v_c|^2
  [[nodiscard]] double square() const { return square_; }
  // |V^T V|_F
  [[nodiscard]] double gram_norm() const;
  // V^T V, or of the vectors of length 1.
  [[nodiscard]] Matrix gram(bool unit) const;
  // sum v_c, or of the vectors of length 1.
  [[nodiscard]] Vector sum(bool unit) const;
  [[nodiscard]] bool some_vanish() const;

 private:
  void add_row(std::size_t c, std::span<double> to) const;

  StoredRows rows_;
  std::vector<std::size_t> picks_;
  Vector centre_;
  std::vector<double> norms_;
  double square_ = 0;
};

// What is wanted of the pairs of vectors.
struct PairSums {
  double mean_cosine = 0;
  double deviation = 0;    // standard, of the cosines
  double off_simplex = 0;  // mean of |cos + 1/(K-1)|
  double etf = 0;          // | G/|G| - (I - 11^T/K)/sqrt(K-1) |_F
  std::optional<double> seli;
  double variance_to_distance = 0;  // mean of (v_a + v_b) / (2 |a - b|^2)
  double inverse_distance = 0;      // mean of 1 / |a - b|^2
  bool coincide = false;            // two vectors are the same, or rounding apart
};

// Goes through all pairs, in blocks. variances: v_c; empty: not wanted. Cosines need vectors that do not
// vanish; K is at least 2, and some vector is not 0.
[[nodiscard]] PairSums sum_pairs(const ClassVectors& vectors, std::span<const double> variances,
                                 const SeliGram* seli);

// The same three without pairs; rounding: of deviation and etf, at most.
struct SummedGeometry {
  double mean_cosine = 0;
  double deviation = 0;
  double deviation_rounding = 0;
  double etf = 0;
  double etf_rounding = 0;
};
[[nodiscard]] SummedGeometry sum_geometry(const ClassVectors& vectors);

// | W M^T / |W M^T| - (I - 11^T/K)/sqrt(K-1) |_F; nullopt: the product is 0. rounding: as above.
struct SimplexDistance {
  double value = 0;
  double rounding = 0;
};
[[nodiscard]] std::optional<SimplexDistance> cross_simplex_distance(const ClassVectors& w,
                                                                    const ClassVectors& m);

}  // namespace collapscope
