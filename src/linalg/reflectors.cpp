#include "linalg/reflectors.hpp"

#include <lapacke.h>

#include <algorithm>
#include <utility>

#include "collapscope/core/error.hpp"
#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"
#include "linalg/tridiagonal.hpp"

namespace collapscope::linalg {

namespace {

constexpr std::size_t at_once = 32;  // reflectors that are applied at a time

// Reflector i is 0 in its first i + 1 numbers: there are d - 1, and below each begins one shorter.
std::size_t count_of(const Matrix& reduced) { return reduced.rows() - 1; }

const double* reflector(const Matrix& reduced, std::size_t i) {
  return reduced.data() + i * reduced.rows() + i + 1;
}

std::size_t blocks_of(std::size_t count) { return (count + at_once - 1) / at_once; }

// Of those behind `first`, `first` among them.
lapack_int block_size(std::size_t count, std::size_t first) {
  return static_cast<lapack_int>(std::min(at_once, count - first));
}

}  // namespace

Reflectors::Reflectors(Matrix reduced, const std::vector<double>& tau) : reduced_(std::move(reduced)) {
  const std::size_t count = count_of(reduced_);
  blocks_ = Matrix(blocks_of(count) * at_once, at_once);
  share(blocks_of(count), [&](std::size_t block) {
    const std::size_t first = block * at_once;
    LAPACKE_dlarft_work(LAPACK_COL_MAJOR, 'F', 'C', static_cast<lapack_int>(count - first),
                        block_size(count, first), reflector(reduced_, first), lapack_order(reduced_.rows()),
                        tau.data() + first, blocks_.view().row(first).data(), at_once);
  });
}

void Reflectors::apply(Matrix& rows, bool transposed) const {
  if (rows.cols() != reduced_.rows()) {
    throw UsageError("reflectors: the shapes do not fit");
  }
  constexpr std::size_t rows_of_thread = 8;
  const std::size_t blocks = blocks_of(count_of(reduced_));
  share((rows.rows() + rows_of_thread - 1) / rows_of_thread, [&](std::size_t part) {
    const std::size_t first = part * rows_of_thread;
    const std::size_t count = std::min(rows_of_thread, rows.rows() - first);
    std::vector<double> work(count * at_once);
    for (std::size_t i = 0; i < blocks; ++i) {
      apply_block((transposed ? i : blocks - 1 - i) * at_once, rows.view().middle_rows(first, count),
                  transposed, work);
    }
  });
}

// Column-major, the rows are columns.
void Reflectors::apply_block(std::size_t first, MatrixView<double> rows, bool transposed,
                             std::vector<double>& work) const {
  const std::size_t count = count_of(reduced_);
  const lapack_int d = lapack_order(reduced_.rows());
  const auto columns = static_cast<lapack_int>(rows.rows());
  LAPACKE_dlarfb_work(LAPACK_COL_MAJOR, 'L', transposed ? 'T' : 'N', 'F', 'C',
                      static_cast<lapack_int>(count - first), columns, block_size(count, first),
                      reflector(reduced_, first), d, blocks_.view().row(first).data(), at_once,
                      rows.data() + first + 1, d, work.data(), columns);
}

std::optional<TridiagonalForm> tridiagonal_form(Matrix symmetric) {
  std::optional<Reduced> reduced = reduce_to_tridiagonal(std::move(symmetric));
  if (!reduced) {
    return std::nullopt;
  }
  return TridiagonalForm{std::move(reduced->diagonal), std::move(reduced->beside),
                         Reflectors(std::move(reduced->reflectors), reduced->tau)};
}

}  // namespace collapscope::linalg
