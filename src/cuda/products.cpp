#include "cuda/products.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "collapscope/core/error.hpp"
#include "cuda/arithmetic.hpp"

namespace collapscope::cuda {

namespace {

// cuBLAS is column-major: a row-major [r, c] matrix is its [c, r] one, `stride` apart.
std::int64_t narrow(std::size_t size) { return static_cast<std::int64_t>(size); }

// A product of p x q numbers is cut into blocks of 64 x 64, one per multiprocessor at a time; slices make up
// for blocks that are missing. A function of the shape alone, so that sums do not depend on the device.
std::size_t slices_for(std::size_t p, std::size_t q) {
  const std::size_t blocks = ((p + 63) / 64) * ((q + 63) / 64);
  std::size_t slices = 1;
  while (slices < 64 && 2 * slices * blocks <= 256) {
    slices *= 2;
  }
  return slices;
}

// Rows whose products are summed as floats: few enough for their rounding to stay small, enough to keep the
// float64 sums of d x d numbers in between rare.
constexpr std::size_t float_rows = 1024;

}  // namespace

void multiply_transposed(const Device& device, const DeviceMatrix& a, const DeviceMatrix& b,
                         const DeviceMatrix& c) {
  const double one = 1;
  const double zero = 0;
  Call("cublasDgemm")
      .check(cublasDgemm_64(device.blas(), CUBLAS_OP_T, CUBLAS_OP_N, narrow(b.rows), narrow(a.rows),
                            narrow(a.cols), &one, b.data, narrow(b.stride), a.data, narrow(a.stride), &zero,
                            c.data, narrow(c.stride)));
}

namespace {

// c = x^T x + beta c
cublasStatus_t emulated_gram([[maybe_unused]] const Device& device, [[maybe_unused]] const DeviceMatrix& x,
                             [[maybe_unused]] double beta, [[maybe_unused]] double* c) {
#if CUBLAS_VERSION >= 130100
  const double one = 1;
  const EmulatedArithmetic emulated(device.blas());
  return cublasGemmEx_64(device.blas(), CUBLAS_OP_N, CUBLAS_OP_T, narrow(x.cols), narrow(x.cols),
                         narrow(x.rows), &one, x.data, CUDA_R_64F, narrow(x.stride), x.data, CUDA_R_64F,
                         narrow(x.stride), &beta, c, CUDA_R_64F, narrow(x.cols),
                         CUBLAS_COMPUTE_64F_EMULATED_FIXEDPOINT, CUBLAS_GEMM_DEFAULT);
#else
  return CUBLAS_STATUS_NOT_SUPPORTED;
#endif
}

}  // namespace

void multiply(const Device& device, const DeviceMatrix& a, const DeviceMatrix& b, const DeviceMatrix& c) {
  const double one = 1;
  const double zero = 0;
  Call("cublasDgemm")
      .check(cublasDgemm_64(device.blas(), CUBLAS_OP_N, CUBLAS_OP_N, narrow(b.cols), narrow(a.rows),
                            narrow(a.cols), &one, b.data, narrow(b.stride), a.data, narrow(a.stride), &zero,
                            c.data, narrow(c.stride)));
}

ProductSum::ProductSum(const Device& device, std::size_t p, std::size_t q, bool symmetric, bool emulated)
    : p_(p),
      q_(q),
      symmetric_(symmetric),
      emulated_(emulated),
      slices_(emulated ? 1 : slices_for(p, q)),
      sums_(device, slices_ * p * q) {}

void ProductSum::add(const Device& device, const DeviceMatrix& x, const DeviceMatrix& y) {
  const std::size_t sliced = slices_ == 1 ? 0 : x.rows / slices_;
  const std::size_t rest = x.rows - sliced * slices_;
  if (!cleared_ || (empty_ && slices_ > 1)) {
    clear(sums_.data(), sums_.size(), device.compute());
    cleared_ = true;
    empty_ = empty_ && slices_ == 1;
  }
  if (sliced > 0) {
    add_slices(device, x, y, sliced);
  }
  if (rest > 0) {
    add_whole(device, middle_rows(x, x.rows - rest, rest), middle_rows(y, x.rows - rest, rest),
              empty_ ? 0.0 : 1.0);
  }
  empty_ = false;
}

// Slice s sums rows [s * rows, (s + 1) * rows).
void ProductSum::add_slices(const Device& device, const DeviceMatrix& x, const DeviceMatrix& y,
                            std::size_t rows) {
  const double one = 1;
  Call("cublasDgemmStridedBatched")
      .check(cublasDgemmStridedBatched_64(
          device.blas(), CUBLAS_OP_N, CUBLAS_OP_T, narrow(q_), narrow(p_), narrow(rows), &one, y.data,
          narrow(y.stride), narrow(rows * y.stride), x.data, narrow(x.stride), narrow(rows * x.stride), &one,
          sums_.data(), narrow(q_), narrow(p_ * q_), narrow(slices_)));
}

void ProductSum::add_whole(const Device& device, const DeviceMatrix& x, const DeviceMatrix& y, double beta) {
  const double one = 1;
  if (emulated_) {
    Call("cublasGemmEx").check(emulated_gram(device, x, beta, sums_.data()));
    return;
  }
  if (symmetric_) {
    Call("cublasDsyrk")
        .check(cublasDsyrk_64(device.blas(), CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_N, narrow(p_), narrow(x.rows),
                              &one, x.data, narrow(x.stride), &beta, sums_.data(), narrow(p_)));
    return;
  }
  Call("cublasDgemm")
      .check(cublasDgemm_64(device.blas(), CUBLAS_OP_N, CUBLAS_OP_T, narrow(q_), narrow(p_), narrow(x.rows),
                            &one, y.data, narrow(y.stride), x.data, narrow(x.stride), &beta, sums_.data(),
                            narrow(q_)));
}

void ProductSum::move_to(const Device& device, double* total, bool adds) {
  if (empty_) {
    if (!adds) {
      clear(total, size(), device.compute());
    }
    return;
  }
  Call("adding slices")
      .check(kernels::sum_slices(total, sums_.data(), slices_, size(), adds, device.compute()));
  empty_ = true;
}

// By a small product.
void require_emulation(const Device& device) {
  constexpr std::size_t size = 16;
  struct Operands {
    DeviceBuffer<double> x;
    DeviceBuffer<double> c;
    Drained drained;
  };
  const Operands all{{device, size * size}, {device, size * size}, Drained(device)};
  clear(all.x.data(), all.x.size(), device.compute());
  const Call call("cublasGemmEx");
  const cublasStatus_t answer =
      call.answer(emulated_gram(device, {all.x.data(), size, size, size}, 0, all.c.data()));
  if (answer == CUBLAS_STATUS_NOT_SUPPORTED || answer == CUBLAS_STATUS_ARCH_MISMATCH) {
    throw UsageError(
        fmt::format("--precision float64-emulated: found {}, whose cuBLAS does not emulate float64; expected "
                    "a module of toolkit 13.0 update 2 or later. --precision float64 is native",
                    device.description()));
  }
  call.check(answer);
}

bool is_sliced(std::size_t p, std::size_t q) { return slices_for(p, q) > 1; }

void add_gram(const Device& device, const DeviceMatrix& x, double* c, double factor, double kept) {
  Call("cublasDsyrk")
      .check(cublasDsyrk_64(device.blas(), CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_N, narrow(x.cols),
                            narrow(x.rows), &factor, x.data, narrow(x.stride), &kept, c, narrow(x.cols)));
}

FloatGramSum::FloatGramSum(const Device& device, std::size_t p)
    : p_(p), slices_(slices_for(p, p)), products_(device, slices_ * p * p), sum_(device, p * p) {}

void FloatGramSum::add(const Device& device, const kernels::FloatMatrix& x, const double* scale) {
  if (!cleared_) {
    clear(products_.data(), products_.size(), device.compute());
    cleared_ = true;
  }
  const std::size_t at_once = slices_ * float_rows;
  for (std::size_t first = 0; first < x.rows; first += at_once) {
    add_some(device, {x.data + first * x.stride, std::min(at_once, x.rows - first), x.cols, x.stride}, scale);
  }
}

// Every slice sums an equal share of the rows; the first also what is left over.
void FloatGramSum::add_some(const Device& device, const kernels::FloatMatrix& x, const double* scale) {
  const float one = 1;
  const float zero = 0;
  const std::size_t sliced = slices_ == 1 ? 0 : x.rows / slices_;
  const std::size_t rest = x.rows - sliced * slices_;
  if (sliced > 0) {
    Call("cublasSgemmStridedBatched")
        .check(cublasSgemmStridedBatched_64(
            device.blas(), CUBLAS_OP_N, CUBLAS_OP_T, narrow(p_), narrow(p_), narrow(sliced), &one, x.data,
            narrow(x.stride), narrow(sliced * x.stride), x.data, narrow(x.stride), narrow(sliced * x.stride),
            &zero, products_.data(), narrow(p_), narrow(p_ * p_), narrow(slices_)));
  }
  if (rest > 0) {
    Call("cublasSsyrk")
        .check(cublasSsyrk_64(device.blas(), CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_N, narrow(p_), narrow(rest),
                              &one, x.data + (x.rows - rest) * x.stride, narrow(x.stride),
                              sliced > 0 ? &one : &zero, products_.data(), narrow(p_)));
  }
  Call("adding float products")
      .check(kernels::sum_float_slices(sum_.data(), products_.data(), sliced > 0 ? slices_ : 1, size(), scale,
                                       !empty_, device.compute()));
  empty_ = false;
}

void FloatGramSum::move_to(const Device& device, double* total, bool adds) {
  if (empty_) {
    if (!adds) {
      clear(total, size(), device.compute());
    }
    return;
  }
  Call("adding products").check(kernels::sum_slices(total, sum_.data(), 1, size(), adds, device.compute()));
  empty_ = true;
}

}  // namespace collapscope::cuda
