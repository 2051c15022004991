// A matrix A [r, d] as the kernels take it, for sums over rows x of |A x|^2.
#pragma once

#include <cstddef>

#include "collapscope/core/matrix.hpp"
#include "cpu/room.hpp"
#include "cpu/vector_kernels.hpp"

namespace collapscope::cpu {

class Whitening {
 public:
  // Numbers of which a copy in panels is kept; a larger matrix is left to the BLAS.
  static constexpr std::size_t most_packed = std::size_t{1} << 18U;

  // matrix: outlives it.
  Whitening(const Matrix& matrix, const VectorKernels& kernels);

  // Room for the products of so many rows.
  [[nodiscard]] std::size_t room_for(std::size_t rows) const;
  // Sum over the first rows of x of |A x|^2; 0 of an empty A. x has room for rows up to a multiple of 8.
  [[nodiscard]] double sum(const Room& x, std::size_t rows, AlignedDoubles& room) const;

 private:
  const Matrix& matrix_;
  const VectorKernels& kernels_;
  std::size_t panels_ = 0;
  AlignedDoubles packed_;  // [panels, d, width of a panel]; empty: the BLAS multiplies
};

}  // namespace collapscope::cpu
