// Whether a symmetric matrix is positive definite: Cholesky's factorization in blocks, which threads share
// out.
#include <cblas.h>
#include <lapacke.h>

#include <algorithm>

#include "linalg/blas.hpp"
#include "linalg/blas_size.hpp"
#include "linalg/decompose.hpp"

namespace collapscope::linalg {

namespace {

constexpr std::size_t width_of_block = 192;

// Row-major upper is column-major lower: A = R^T R. LAPACK takes NaN for positive.
bool factor_diagonal(MatrixView<double> a) {
  if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', narrow(a.rows()), a.data(), narrow(a.stride())) != 0) {
    return false;
  }
  for (std::size_t i = 0; i < a.rows(); ++i) {
    if (!(a(i, i) > 0)) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool is_positive_definite(MatrixView<double> a) {
  const std::size_t n = static_cast<std::size_t>(lapack_order(a.rows()));
  for (std::size_t first = 0; first < n; first += width_of_block) {
    const std::size_t next = std::min(first + width_of_block, n);
    const MatrixView<double> corner = a.middle_rows(first, next - first).middle_cols(first, next - first);
    if (!factor_diagonal(corner)) {
      return false;
    }
    const std::size_t left = (n - next + width_of_block - 1) / width_of_block;
    const auto columns = [&](std::size_t j) {
      const std::size_t begin = next + j * width_of_block;
      return a.middle_cols(begin, std::min(width_of_block, n - begin));
    };
    // R_j = R_first^-T A_j, then A_ij -= R_i^T R_j.
    share(left, [&](std::size_t j) {
      const MatrixView<double> row = columns(j).middle_rows(first, next - first);
      cblas_dtrsm(CblasRowMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, narrow(row.rows()),
                  narrow(row.cols()), 1.0, corner.data(), narrow(corner.stride()), row.data(),
                  narrow(row.stride()));
    });
    share(left * (left + 1) / 2, [&](std::size_t number) {
      std::size_t i = 0;
      while (number >= left - i) {
        number -= left - i;
        ++i;
      }
      const std::size_t j = i + number;
      const MatrixView<double> above = columns(i).middle_rows(first, next - first);
      const MatrixView<double> beside = columns(j).middle_rows(first, next - first);
      const MatrixView<double> to = columns(j).middle_rows(next + i * width_of_block, above.cols());
      if (i == j) {
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, narrow(to.cols()), narrow(above.rows()), -1.0,
                    above.data(), narrow(above.stride()), 1.0, to.data(), narrow(to.stride()));
      } else {
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, narrow(to.rows()), narrow(to.cols()),
                    narrow(above.rows()), -1.0, above.data(), narrow(above.stride()), beside.data(),
                    narrow(beside.stride()), 1.0, to.data(), narrow(to.stride()));
      }
    });
  }
  return true;
}

}  // namespace collapscope::linalg
