#include "linalg/blas.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "core/memory.hpp"
#include "core/threads.hpp"
#include "core/workers.hpp"
#include "linalg/blas_size.hpp"

// Exported by OpenBLAS, not declared by its headers: ends its threads.
extern "C" int blas_thread_shutdown_() __attribute__((weak));

namespace collapscope::linalg {

namespace {

// Operations that are not shared out: less is done before another thread wakes up.
constexpr std::size_t largest_alone_flops = 50'000'000;
// Of a product of a few rows, which costs what reading the other factor costs.
constexpr std::size_t largest_alone_numbers = 500'000;

CBLAS_TRANSPOSE flag(Transpose transpose) { return transpose == Transpose::yes ? CblasTrans : CblasNoTrans; }

// Some of a matrix's rows or columns.
struct Range {
  std::size_t first = 0;
  std::size_t count = 0;
};

// [0, size) in at most `most` ranges of at least 128, whose lengths are multiples of 32 but the last.
std::vector<Range> ranges(std::size_t size, std::size_t most) {
  const std::size_t wanted = std::clamp<std::size_t>(size / 128, 1, most);
  const std::size_t length = ((size + wanted - 1) / wanted + 31) / 32 * 32;
  std::vector<Range> all;
  for (std::size_t first = 0; first < size; first += length) {
    all.push_back({first, std::min(length, size - first)});
  }
  return all;
}

// The rows of op(a), or the columns of op(b): what of the stored matrix they are.
MatrixView<const double> part(MatrixView<const double> a, bool stored_rows, const Range& range) {
  return stored_rows ? a.middle_rows(range.first, range.count) : a.middle_cols(range.first, range.count);
}

struct Factor {
  MatrixView<const double> matrix;
  Transpose transpose;
};

void gemm_alone(double alpha, const Factor& a, const Factor& b, double beta, MatrixView<double> c) {
  const std::size_t inner = a.transpose == Transpose::yes ? a.matrix.rows() : a.matrix.cols();
  cblas_dgemm(CblasRowMajor, flag(a.transpose), flag(b.transpose), narrow(c.rows()), narrow(c.cols()),
              narrow(inner), alpha, a.matrix.data(), narrow(a.matrix.stride()), b.matrix.data(),
              narrow(b.matrix.stride()), beta, c.data(), narrow(c.stride()));
}

void syrk_alone(MatrixView<const double> x, MatrixView<double> c) {
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, narrow(c.cols()), narrow(x.rows()), 1.0, x.data(),
              narrow(x.stride()), 1.0, c.data(), narrow(c.stride()));
}

void require_gram_shapes(MatrixView<const double> x, MatrixView<double> c) {
  if (c.rows() != x.cols() || c.cols() != x.cols()) {
    throw UsageError("add_gram_upper: the shapes do not fit");
  }
}

}  // namespace

void gemm(double alpha, MatrixView<const double> a, Transpose transpose_a, MatrixView<const double> b,
          Transpose transpose_b, double beta, MatrixView<double> c) {
  const std::size_t inner = transpose_a == Transpose::yes ? a.rows() : a.cols();
  const std::size_t inner_b = transpose_b == Transpose::yes ? b.cols() : b.rows();
  const std::size_t rows = transpose_a == Transpose::yes ? a.cols() : a.rows();
  const std::size_t cols = transpose_b == Transpose::yes ? b.rows() : b.cols();
  if (inner != inner_b || rows != c.rows() || cols != c.cols()) {
    throw UsageError("gemm: the shapes do not fit");
  }
  if (rows == 0 || cols == 0) {
    return;
  }
  if (2 * rows * cols * inner <= largest_alone_flops && (rows + cols) * inner <= largest_alone_numbers) {
    gemm_alone(alpha, {a, transpose_a}, {b, transpose_b}, beta, c);
    return;
  }
  const std::vector<Range> down = ranges(rows, 8);
  const std::vector<Range> across = ranges(cols, 8);
  share(down.size() * across.size(), [&](std::size_t block) {
    const Range& i = down[block / across.size()];
    const Range& j = across[block % across.size()];
    gemm_alone(alpha, {part(a, transpose_a == Transpose::no, i), transpose_a},
               {part(b, transpose_b == Transpose::yes, j), transpose_b}, beta,
               c.middle_rows(i.first, i.count).middle_cols(j.first, j.count));
  });
}

void product_of_rows(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c) {
  if (a.cols() != b.cols() || c.rows() != a.rows() || c.cols() != b.rows()) {
    throw UsageError("product_of_rows: the shapes do not fit");
  }
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, narrow(a.rows()), narrow(b.rows()), narrow(a.cols()),
              1.0F, a.data(), narrow(a.stride()), b.data(), narrow(b.stride()), 0.0F, c.data(),
              narrow(c.stride()));
}

void add_gram_upper(MatrixView<const double> x, MatrixView<double> c) {
  require_gram_shapes(x, c);
  if (x.rows() == 0) {
    return;
  }
  if (x.rows() * x.cols() * x.cols() <= largest_alone_flops) {
    syrk_alone(x, c);
    return;
  }
  const std::vector<Range> all = ranges(x.cols(), 12);
  std::vector<std::pair<Range, Range>> blocks;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = i; j < all.size(); ++j) {
      blocks.emplace_back(all[i], all[j]);
    }
  }
  share(blocks.size(), [&](std::size_t block) {
    const auto& [i, j] = blocks[block];
    const MatrixView<double> to = c.middle_rows(i.first, i.count).middle_cols(j.first, j.count);
    const MatrixView<const double> left = x.middle_cols(i.first, i.count);
    if (i.first == j.first) {
      syrk_alone(left, to);
    } else {
      gemm_alone(1.0, {left, Transpose::yes}, {x.middle_cols(j.first, j.count), Transpose::no}, 1.0, to);
    }
  });
}

void mirror_upper(MatrixView<double> c) {
  constexpr std::size_t block = 64;
  for (std::size_t top = 0; top < c.rows(); top += block) {
    for (std::size_t left = top; left < c.cols(); left += block) {
      for (std::size_t i = top; i < std::min(top + block, c.rows()); ++i) {
        for (std::size_t j = std::max(left, i + 1); j < std::min(left + block, c.cols()); ++j) {
          c(j, i) = c(i, j);
        }
      }
    }
  }
}

Matrix product(const Matrix& a, Transpose transpose_a, const Matrix& b, Transpose transpose_b) {
  Matrix c(transpose_a == Transpose::yes ? a.cols() : a.rows(),
           transpose_b == Transpose::yes ? b.rows() : b.cols());
  gemm(1.0, a.view(), transpose_a, b.view(), transpose_b, 0.0, c.view());
  return c;
}

namespace {

std::atomic<std::size_t> most_threads = 1;
std::atomic<int> working_side_by_side = 0;  // SingleThreads alive

}  // namespace

void set_threads(std::size_t threads) {
  most_threads = threads;
  if (openblas_get_num_threads() != 1) {
    openblas_set_num_threads(1);
  }
}

std::size_t threads() { return working_side_by_side > 0 ? 1 : most_threads.load(); }

void share(std::size_t blocks, const std::function<void(std::size_t)>& work) {
  Team(threads()).run(blocks, [&](std::size_t block, std::size_t) { work(block); });
}

void rest_threads_after_use() {
  openblas_set_num_threads(1);
  if (blas_thread_shutdown_ != nullptr) {
    blas_thread_shutdown_();  // they start again when next needed
  }
}

void add_gram_upper_by_blas(MatrixView<const double> x, MatrixView<double> c) {
  require_gram_shapes(x, c);
  openblas_set_num_threads(static_cast<int>(threads()));
  syrk_alone(x, c);
  openblas_set_num_threads(1);
}

SingleThread::SingleThread() { ++working_side_by_side; }

SingleThread::~SingleThread() { --working_side_by_side; }

std::size_t affordable_threads(std::size_t wanted) {
  constexpr std::uint64_t each = std::uint64_t{152} << 20U;  // a buffer of OpenBLAS, a stack, an arena's part
  const std::uint64_t left = address_space_left();
  const bool is_limited = left < std::numeric_limits<std::uint64_t>::max();
  if (left < each) {
    throw Error(fmt::format("{} of address space are left; the BLAS alone takes {} (ulimit -v)",
                            human_bytes(left), human_bytes(each)));
  }
  std::size_t threads =
      is_limited ? std::clamp<std::size_t>(left / 2 / each, 1, std::max<std::size_t>(wanted, 1)) : wanted;
  if (threads > 1) {
    threads = std::max<std::size_t>(threads_given(threads), 1);  // one less of ours, and one that reads ahead
  }
  if (is_limited) {
    constexpr std::size_t shared_out = 400;  // enough for every thread to take part
    set_threads(threads);
    (void)product(Matrix(shared_out, shared_out), Transpose::no, Matrix(shared_out, shared_out),
                  Transpose::no);
  }
  return threads;
}

}  // namespace collapscope::linalg
