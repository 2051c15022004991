// By reduction to tridiagonal form, as for all pairs, but without turning all vectors back: about half the
// time.
#include <lapacke.h>

#include <algorithm>
#include <vector>

#include "linalg/decompose.hpp"
#include "linalg/top_eigen.hpp"

namespace collapscope::linalg {

std::optional<Eigenbasis> top_eigen(const Matrix& symmetric, std::size_t count, double /*scale*/) {
  const std::size_t d = symmetric.rows();
  const lapack_int order = lapack_order(d);
  const auto wanted = static_cast<lapack_int>(count);
  Matrix work = symmetric;
  std::vector<double> values(d);
  Matrix vectors(count, d);
  std::vector<lapack_int> support(2 * count);
  lapack_int found = 0;
  const lapack_int info =
      LAPACKE_dsyevr(LAPACK_COL_MAJOR, 'V', 'I', 'L', order, work.data(), order, 0, 0, order - wanted + 1,
                     order, 0, &found, values.data(), vectors.data(), order, support.data());
  if (info != 0 || found != wanted) {
    return std::nullopt;
  }
  // Ascending, and column-major vectors are our rows: turned around.
  Eigenbasis basis{std::vector<double>(count), Matrix(count, d)};
  for (std::size_t j = 0; j < count; ++j) {
    basis.values[j] = values[count - 1 - j];
    const auto row = vectors.view().row(count - 1 - j);
    std::copy(row.begin(), row.end(), basis.vectors.view().row(j).begin());
  }
  return basis;
}

}  // namespace collapscope::linalg
