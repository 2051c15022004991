// All eigenpairs of a symmetric tridiagonal matrix by divide and conquer. The vectors stay a product of what
// each step gives: multiplying them out takes most of the time of LAPACK's dstedc.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "linalg/secular.hpp"

namespace collapscope::linalg {

// T = Z L Z^T by Cuppen: A divide and conquer method for the symmetric tridiagonal eigenproblem, Numer. Math.
// 36 (1981). Threads share out the parts of a step; no bit depends on them.
class TridiagonalPairs {
 public:
  // T of norm near 1: its diagonal, and the numbers beside it. nullopt: LAPACK finds not all of a part's.
  [[nodiscard]] static std::optional<TridiagonalPairs> solve(std::vector<double> diagonal,
                                                             std::vector<double> beside);

  [[nodiscard]] std::size_t size() const { return values_.size(); }
  [[nodiscard]] const std::vector<double>& values() const { return values_; }  // ascending
  // Each row x [size] becomes Z^T x; and back.
  void to_vectors(MatrixView<double> rows) const;
  void to_axes(MatrixView<double> rows) const;

 private:
  struct Part {
    std::size_t first = 0;
    std::size_t count = 0;
    std::vector<double> values = {};  // ascending
    Matrix ends = {};                 // [2, count]: the first and the last component of each vector
  };
  struct Leaf {
    std::size_t first = 0;
    Matrix vectors = {};  // as rows
  };
  struct Merge {
    std::size_t first = 0;
    std::vector<std::size_t> order;  // of both parts' pairs, by value
    SecularPairs pairs;
  };

  TridiagonalPairs() = default;
  [[nodiscard]] std::optional<std::vector<Part>> solve_leaves(std::vector<double>& diagonal,
                                                              const std::vector<double>& beside,
                                                              const std::vector<std::size_t>& cuts);
  [[nodiscard]] Part merge(const Part& left, const Part& right, double beside);

  std::vector<double> values_;
  std::vector<Leaf> leaves_;
  std::vector<Merge> merges_;  // inner ones first
};

}  // namespace collapscope::linalg
