// The eigenpairs of a diagonal matrix plus the outer product of a vector. The vectors stay factors:
// rotations, an order, and a matrix over what does not deflate.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "collapscope/core/matrix.hpp"

namespace collapscope::linalg {

// The largest magnitude; 0 of none.
[[nodiscard]] double largest_size(std::span<const double> values);

// Deflation and eigenvectors are those of Gu, Eisenstat: A stable and efficient algorithm for the rank-one
// modification of the symmetric eigenproblem, SIAM J. Matrix Anal. Appl. 15 (1994). Threads share out the
// roots; no bit depends on them.
class SecularPairs {
 public:
  // Of diag(d) + rho z z^T: d ascending, |z| = 1, rho >= 0, sizes near 1.
  [[nodiscard]] static SecularPairs solve(std::vector<double> d, std::vector<double> z, double rho);

  [[nodiscard]] std::size_t size() const { return values_.size(); }
  [[nodiscard]] const std::vector<double>& values() const { return values_; }  // ascending
  // Each row [size], given along the axes, becomes what it is along the eigenvectors; and back.
  void to_vectors(MatrixView<double> rows) const;
  void to_axes(MatrixView<double> rows) const;

 private:
  // Axes a < b of the coordinates, turned so that z vanishes along a.
  struct Rotation {
    std::size_t a;
    std::size_t b;
    double cosine;
    double sine;
  };

  SecularPairs() = default;
  // Leaves in d and z what they are along the turned axes, and lists those that stay.
  void deflate(std::vector<double>& d, std::vector<double>& z, double rho);
  void sort(const std::vector<double>& d);

  std::vector<double> values_;
  std::vector<Rotation> rotations_;
  std::vector<std::size_t> live_;   // axes on which d are apart and z is not small
  std::vector<std::size_t> place_;  // of each axis: which eigenvalue is its own
  Matrix solved_;  // over the live axes, the eigenvectors as rows; the other axes are vectors
};

}  // namespace collapscope::linalg
