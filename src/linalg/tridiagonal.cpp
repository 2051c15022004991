// Dongarra, Sorensen, Hammarling (1989), as in LAPACK's dsytrd and dlatrd: panels of columns are reduced one
// column after another, then the rest of the matrix takes what they do in one product.
#include "linalg/tridiagonal.hpp"

#include <cblas.h>
#include <lapacke.h>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "linalg/blas.hpp"
#include "linalg/blas_size.hpp"
#include "linalg/decompose.hpp"

namespace collapscope::linalg {

namespace {

constexpr std::size_t panel = 32;
constexpr std::size_t last_alone = 384;  // what is left of the matrix when LAPACK does the rest

// Column-major lower is row-major upper; row i of the matrix is column i of LAPACK's.
class Reduction {
 public:
  explicit Reduction(Reduced& to) : to_(to), d_(to.diagonal.size()), w_(panel, d_), parts_(2, panel) {}

  bool run() {
    std::size_t first = 0;
    for (; d_ - first > last_alone; first += panel) {
      for (std::size_t i = first; i < first + panel; ++i) {
        reduce_column(first, i);
      }
      update_rest(first + panel, first);
      for (std::size_t i = first; i < first + panel; ++i) {
        to_.diagonal[i] = column(i)[i];
        column(i)[i + 1] = to_.beside[i];
      }
    }
    return LAPACKE_dsytrd(LAPACK_COL_MAJOR, 'L', lapack_order(d_ - first), column(first) + first, narrow(d_),
                          to_.diagonal.data() + first, to_.beside.data() + first,
                          to_.tau.data() + first) == 0;
  }

 private:
  // Both are indexed by the matrix's rows.
  [[nodiscard]] double* column(std::size_t i) { return to_.reflectors.data() + i * d_; }
  [[nodiscard]] double* w(std::size_t k) { return w_.data() + k * d_; }

  // y [rows] -= the first `count` columns of a, from row `row` on, times x [count].
  void subtract(const double* a, std::size_t row, std::size_t count, const double* x, std::size_t x_stride,
                double* y) const {
    cblas_dgemv(CblasColMajor, CblasNoTrans, narrow(d_ - row), narrow(count), -1.0, a + row, narrow(d_), x,
                narrow(x_stride), 1.0, y, 1);
  }

  // to = the first `count` columns of a, from row `row` on, transposed, times x.
  void project(const double* a, std::size_t row, std::size_t count, const double* x, double* to) const {
    cblas_dgemv(CblasColMajor, CblasTrans, narrow(d_ - row), narrow(count), 1.0, a + row, narrow(d_), x, 1,
                0.0, to, 1);
  }

  void reduce_column(std::size_t first, std::size_t i) {
    const std::size_t before = i - first;  // columns of the panel
    double* const v = column(i) + i + 1;
    if (before > 0) {
      subtract(column(first), i, before, w(0) + i, d_, column(i) + i);
      subtract(w(0), i, before, column(first) + i, d_, column(i) + i);
    }
    LAPACKE_dlarfg_work(narrow(d_ - i - 1), v, v + 1, 1, &to_.tau[i]);
    to_.beside[i] = std::exchange(*v, 1.0);

    const std::size_t rows = d_ - i - 1;
    double* const image = w(before) + i + 1;
    const MatrixView<const double> rest(column(i + 1) + i + 1, rows, rows, d_);
    if (before == 0) {
      symv(1.0, rest, {v, rows}, 0.0, {image, rows});
    } else {
      double* const of_w = parts_.data();
      double* const of_v = of_w + panel;
      const std::array<std::function<void()>, 2> also{
          [&] { project(w(0), i + 1, before, v, of_w); },
          [&] { project(column(first), i + 1, before, v, of_v); }};
      symv(1.0, rest, {v, rows}, 0.0, {image, rows}, also);
      subtract(column(first), i + 1, before, of_w, 1, image);
      subtract(w(0), i + 1, before, of_v, 1, image);
    }
    cblas_dscal(narrow(rows), to_.tau[i], image, 1);
    const double along = cblas_ddot(narrow(rows), image, 1, v, 1);
    cblas_daxpy(narrow(rows), -0.5 * to_.tau[i] * along, v, 1, image, 1);
  }

  // The rest [from, d)^2 -= V W^T + W V^T.
  void update_rest(std::size_t from, std::size_t first) {
    constexpr std::size_t block = 256;
    const std::size_t blocks = (d_ - from + block - 1) / block;
    share(blocks * (blocks + 1) / 2, [&](std::size_t number) {
      std::size_t left = 0;
      while (number >= blocks - left) {
        number -= blocks - left;
        ++left;
      }
      const std::size_t j = from + left * block;
      const std::size_t i = j + number * block;
      const std::size_t rows = std::min(block, d_ - i);
      const std::size_t cols = std::min(block, d_ - j);
      double* const to = column(j) + i;
      if (i == j) {
        cblas_dsyr2k(CblasColMajor, CblasLower, CblasNoTrans, narrow(rows), narrow(panel), -1.0,
                     column(first) + i, narrow(d_), w(0) + i, narrow(d_), 1.0, to, narrow(d_));
        return;
      }
      cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, narrow(rows), narrow(cols), narrow(panel), -1.0,
                  column(first) + i, narrow(d_), w(0) + j, narrow(d_), 1.0, to, narrow(d_));
      cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, narrow(rows), narrow(cols), narrow(panel), -1.0,
                  w(0) + i, narrow(d_), column(first) + j, narrow(d_), 1.0, to, narrow(d_));
    });
  }

  Reduced& to_;
  std::size_t d_;
  Matrix w_;      // [panel, d]
  Matrix parts_;  // [2, panel]: W^T v, V^T v
};

}  // namespace

std::optional<Reduced> reduce_to_tridiagonal(Matrix symmetric) {
  const std::size_t d = symmetric.rows();
  Reduced reduced{std::move(symmetric), std::vector<double>(d), std::vector<double>(d - 1),
                  std::vector<double>(d - 1)};
  return Reduction(reduced).run() ? std::optional(std::move(reduced)) : std::nullopt;
}

}  // namespace collapscope::linalg
