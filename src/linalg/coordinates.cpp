#include "linalg/coordinates.hpp"

#include "linalg/blas.hpp"

namespace collapscope::linalg {

Matrix coordinates(const Eigenbasis& basis, const Matrix& rows) {
  return basis.factors ? basis.factors->coordinates(rows)
                       : product(rows, Transpose::no, basis.vectors, Transpose::yes);
}

Matrix combinations(const Eigenbasis& basis, const Matrix& coordinates) {
  return basis.factors ? basis.factors->combinations(coordinates)
                       : product(coordinates, Transpose::no, basis.vectors, Transpose::no);
}

Matrix transposed(const Matrix& a) {
  Matrix out(a.cols(), a.rows());
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.cols(); ++j) {
      out(j, i) = a(i, j);
    }
  }
  return out;
}

}  // namespace collapscope::linalg
