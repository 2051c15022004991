#include "linalg/blas.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "core/memory.hpp"
#include "core/threads.hpp"

// Exported by OpenBLAS, not declared by its headers: ends its threads.
extern "C" int blas_thread_shutdown_() __attribute__((weak));

namespace collapscope::linalg {

namespace {

// Less is done before another thread wakes up.
constexpr std::size_t least_shared_flops = 50'000'000;

blasint narrow(std::size_t size) {
  if (size > static_cast<std::size_t>(std::numeric_limits<blasint>::max())) {
    throw UsageError("a matrix is too large for the 32-bit BLAS interface");
  }
  return static_cast<blasint>(size);
}

CBLAS_TRANSPOSE flag(Transpose transpose) { return transpose == Transpose::yes ? CblasTrans : CblasNoTrans; }

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
  const AllThreads large(2 * rows * cols * inner >= least_shared_flops);
  cblas_dgemm(CblasRowMajor, flag(transpose_a), flag(transpose_b), narrow(rows), narrow(cols), narrow(inner),
              alpha, a.data(), narrow(a.stride()), b.data(), narrow(b.stride()), beta, c.data(),
              narrow(c.stride()));
}

void symv(double alpha, MatrixView<const double> a, std::span<const double> x, double beta,
          std::span<double> y) {
  if (a.rows() != a.cols() || x.size() != a.rows() || y.size() != a.rows()) {
    throw UsageError("symv: the shapes do not fit");
  }
  if (a.rows() > 0) {
    cblas_dsymv(CblasRowMajor, CblasUpper, narrow(a.rows()), alpha, a.data(), narrow(a.stride()), x.data(), 1,
                beta, y.data(), 1);
  }
}

void add_gram_upper(MatrixView<const double> x, MatrixView<double> c) {
  if (c.rows() != x.cols() || c.cols() != x.cols()) {
    throw UsageError("add_gram_upper: the shapes do not fit");
  }
  if (x.rows() == 0) {
    return;
  }
  const AllThreads large(x.rows() * x.cols() * x.cols() >= least_shared_flops);
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, narrow(x.cols()), narrow(x.rows()), 1.0, x.data(),
              narrow(x.stride()), 1.0, c.data(), narrow(c.stride()));
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

std::atomic<int> most_threads = 1;
std::atomic<int> working_side_by_side = 0;  // SingleThreads alive
bool rests = false;

void rest_now() {
  if (rests && blas_thread_shutdown_ != nullptr) {
    blas_thread_shutdown_();  // they start again when next needed
  }
}

}  // namespace

void set_threads(std::size_t threads) {
  most_threads = static_cast<int>(threads);
  if (openblas_get_num_threads() != 1) {
    openblas_set_num_threads(1);
  }
}

std::size_t threads() { return static_cast<std::size_t>(openblas_get_num_threads()); }

void rest_threads_after_use() {
  rests = true;
  openblas_set_num_threads(1);
  rest_now();
}

AllThreads::AllThreads(bool worthwhile)
    : raised_(worthwhile && most_threads > 1 && working_side_by_side == 0 &&
              openblas_get_num_threads() == 1) {
  if (raised_) {
    openblas_set_num_threads(most_threads);
  }
}

AllThreads::~AllThreads() {
  if (raised_) {
    openblas_set_num_threads(1);
    rest_now();
  }
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
    // Ours, as many of the BLAS, and one that reads ahead.
    threads = std::max<std::size_t>((threads_given(2 * threads - 1) + 1) / 2, 1);
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
