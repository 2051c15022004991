#include "linalg/reflectors.hpp"

#include <lapacke.h>

#include <algorithm>
#include <utility>

#include "collapscope/core/error.hpp"
#include "linalg/band_form.hpp"
#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"

namespace collapscope::linalg {

namespace {

static_assert(band_width == Reflectors::at_once);

// Smaller matrices fit a cache, and the products with vectors of LAPACK's one step wait for nothing:
// bench/eigen_bench.cpp.
constexpr std::size_t least_order_of_two_steps = 768;

// Of those behind `first`, `first` among them.
lapack_int block_size(std::size_t count, std::size_t first) {
  return static_cast<lapack_int>(std::min(Reflectors::at_once, count - first));
}

}  // namespace

Reflectors::Reflectors(Matrix reduced, const std::vector<double>& tau)
    : reduced_(std::move(reduced)), below_(1), blocks_(blocks_of(count()) * at_once, at_once) {
  share(blocks_of(count()), [&](std::size_t block) {
    const std::size_t first = block * at_once;
    LAPACKE_dlarft_work(LAPACK_COL_MAJOR, 'F', 'C', static_cast<lapack_int>(count() - first),
                        block_size(count(), first), reflector(first), lapack_order(reduced_.rows()),
                        tau.data() + first, blocks_.view().row(first).data(), at_once);
  });
}

Reflectors::Reflectors(Matrix reduced, Matrix blocks)
    : reduced_(std::move(reduced)), below_(band_width), blocks_(std::move(blocks)) {}

const double* Reflectors::reflector(std::size_t i) const {
  return reduced_.data() + i * reduced_.rows() + i + below_;
}

void Reflectors::apply(Matrix& rows, bool transposed) const {
  if (rows.cols() != reduced_.rows()) {
    throw UsageError("reflectors: the shapes do not fit");
  }
  constexpr std::size_t rows_of_thread = 8;
  share((rows.rows() + rows_of_thread - 1) / rows_of_thread, [&](std::size_t part) {
    const std::size_t first = part * rows_of_thread;
    const MatrixView<double> some =
        rows.view().middle_rows(first, std::min(rows_of_thread, rows.rows() - first));
    if (below_ > 1 && !transposed) {
      apply_chased(reduced_.view(), some, transposed);
    }
    apply_blocks(some, transposed);
    if (below_ > 1 && transposed) {
      apply_chased(reduced_.view(), some, transposed);
    }
  });
}

// Column-major, the rows are columns.
void Reflectors::apply_blocks(MatrixView<double> rows, bool transposed) const {
  const std::size_t blocks = blocks_of(count());
  const lapack_int d = lapack_order(reduced_.rows());
  const auto columns = static_cast<lapack_int>(rows.rows());
  std::vector<double> work(rows.rows() * at_once);
  for (std::size_t i = 0; i < blocks; ++i) {
    const std::size_t first = (transposed ? i : blocks - 1 - i) * at_once;
    LAPACKE_dlarfb_work(LAPACK_COL_MAJOR, 'L', transposed ? 'T' : 'N', 'F', 'C',
                        static_cast<lapack_int>(count() - first), columns, block_size(count(), first),
                        reflector(first), d, blocks_.view().row(first).data(), at_once,
                        rows.data() + first + below_, d, work.data(), columns);
  }
}

std::optional<TridiagonalForm> tridiagonal_form(Matrix symmetric) {
  const std::size_t d = symmetric.rows();
  if (d >= least_order_of_two_steps) {
    Matrix blocks = reduce_to_band(symmetric.view());
    Tridiagonal t = chase_bulges(symmetric.view());
    return TridiagonalForm{std::move(t), Reflectors(std::move(symmetric), std::move(blocks))};
  }
  Tridiagonal t{std::vector<double>(d), std::vector<double>(d - 1)};
  std::vector<double> tau(d - 1);
  if (LAPACKE_dsytrd(LAPACK_COL_MAJOR, 'L', lapack_order(d), symmetric.data(), lapack_order(d),
                     t.diagonal.data(), t.beside.data(), tau.data()) != 0) {
    return std::nullopt;
  }
  return TridiagonalForm{std::move(t), Reflectors(std::move(symmetric), tau)};
}

}  // namespace collapscope::linalg
