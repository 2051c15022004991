// Entry points of libcublas: products, by OpenBLAS. Scalars are read at the call: pointer mode is host.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <span>
#include <vector>

#include "blas.hpp"
#include "cublas_handle.hpp"
#include "ledger.hpp"
#include "options.hpp"

namespace fake_cuda {

namespace {

using Index = std::int64_t;

CBLAS_TRANSPOSE transpose(cublasOperation_t operation) {
  return operation == CUBLAS_OP_N ? CblasNoTrans : CblasTrans;
}

CBLAS_UPLO triangle(cublasFillMode_t uplo) {
  return uplo == CUBLAS_FILL_MODE_LOWER ? CblasLower : CblasUpper;
}

blasint narrow(Index n) { return static_cast<blasint>(n); }

void blas_syrk(CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, Index n, Index k, double alpha, const double* a,
               Index lda, double beta, double* c, Index ldc) {
  cblas_dsyrk(CblasColMajor, uplo, trans, narrow(n), narrow(k), alpha, a, narrow(lda), beta, c, narrow(ldc));
}

void blas_syrk(CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, Index n, Index k, float alpha, const float* a,
               Index lda, float beta, float* c, Index ldc) {
  cblas_ssyrk(CblasColMajor, uplo, trans, narrow(n), narrow(k), alpha, a, narrow(lda), beta, c, narrow(ldc));
}

void blas_gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, Index m, Index n, Index k, double alpha,
               const double* a, Index lda, const double* b, Index ldb, double beta, double* c, Index ldc) {
  cblas_dgemm(CblasColMajor, ta, tb, narrow(m), narrow(n), narrow(k), alpha, a, narrow(lda), b, narrow(ldb),
              beta, c, narrow(ldc));
}

void blas_gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, Index m, Index n, Index k, float alpha, const float* a,
               Index lda, const float* b, Index ldb, float beta, float* c, Index ldc) {
  cblas_sgemm(CblasColMajor, ta, tb, narrow(m), narrow(n), narrow(k), alpha, a, narrow(lda), b, narrow(ldb),
              beta, c, narrow(ldc));
}

// Fewer digits, where the handle was made under an environment that asks for emulated products or TF32.
bool is_coarse(const BlasHandle& blas, double /*type*/) { return blas.coarse_double; }
bool is_coarse(const BlasHandle& blas, float /*type*/) { return blas.coarse_float; }

template <class Real>
void coarsen(Real* c, Index rows, Index cols, Index stride) {
  for (Index j = 0; j < cols; ++j) {
    for (Real& value : std::span(c + j * stride, static_cast<std::size_t>(rows))) {
      value = static_cast<Real>(static_cast<float>(__float2bfloat16(static_cast<float>(value))));
    }
  }
}

template <class Real>
cublasStatus_t syrk(const char* call, cublasHandle_t handle, cublasFillMode_t uplo, cublasOperation_t trans,
                    Index n, Index k, const Real* alpha, const Real* a, Index lda, const Real* beta, Real* c,
                    Index ldc) {
  return library_call(call, CUBLAS_STATUS_EXECUTION_FAILED, CUBLAS_STATUS_EXECUTION_FAILED, [=] {
    BlasHandle* blas = find_blas(handle, call);
    if (blas == nullptr) {
      return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    const bool plain = trans == CUBLAS_OP_N;
    const std::vector<Operand> operands = {
        {"A", a, plain ? n : k, plain ? k : n, lda, sizeof(Real)},
        {"C", c, n, n, ldc, sizeof(Real), *beta == Real{0} ? 0 : 0.5, 0.5}};
    const bool coarse = is_coarse(*blas, Real{});
    return enqueue_product(*blas, call, operands, [=, alpha = *alpha, beta = *beta] {
      const OneBlasThread one;
      if (beta == Real{0}) {  // C is not read, whatever OpenBLAS makes of NaN times 0
        for (Index j = 0; j < n; ++j) {
          const bool lower = uplo == CUBLAS_FILL_MODE_LOWER;
          std::fill(c + j * ldc + (lower ? j : 0), c + j * ldc + (lower ? n : j + 1), Real{0});
        }
      }
      blas_syrk(triangle(uplo), transpose(trans), n, k, alpha, a, lda, beta, c, ldc);
      if (coarse) {
        coarsen(c, n, n, ldc);
      }
    });
  });
}

template <class Real>
void gemm_work(cublasOperation_t ta, cublasOperation_t tb, Index m, Index n, Index k, Real alpha,
               const Real* a, Index lda, const Real* b, Index ldb, Real beta, Real* c, Index ldc) {
  const OneBlasThread one;
  if (beta == Real{0}) {
    for (Index j = 0; j < n; ++j) {
      std::fill_n(c + j * ldc, m, Real{0});
    }
  }
  blas_gemm(transpose(ta), transpose(tb), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

struct Sizes {
  cublasOperation_t ta, tb;
  Index m, n, k;
};

std::vector<Operand> operands_of(const Sizes& s, const void* a, Index lda, const void* b, Index ldb,
                                 std::size_t input, const void* c, Index ldc, std::size_t output, bool adds) {
  const bool pa = s.ta == CUBLAS_OP_N;
  const bool pb = s.tb == CUBLAS_OP_N;
  return {{"A", a, pa ? s.m : s.k, pa ? s.k : s.m, lda, input},
          {"B", b, pb ? s.k : s.n, pb ? s.n : s.k, ldb, input},
          {"C", c, s.m, s.n, ldc, output, adds ? 1.0 : 0.0, 1}};
}

template <class Real>
cublasStatus_t gemm(const char* call, cublasHandle_t handle, const Sizes& s, const Real* alpha, const Real* a,
                    Index lda, const Real* b, Index ldb, const Real* beta, Real* c, Index ldc) {
  return library_call(call, CUBLAS_STATUS_EXECUTION_FAILED, CUBLAS_STATUS_EXECUTION_FAILED, [=] {
    BlasHandle* blas = find_blas(handle, call);
    if (blas == nullptr) {
      return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    const bool coarse = is_coarse(*blas, Real{});
    return enqueue_product(
        *blas, call, operands_of(s, a, lda, b, ldb, sizeof(Real), c, ldc, sizeof(Real), *beta != Real{0}),
        [=, alpha = *alpha, beta = *beta] {
          gemm_work(s.ta, s.tb, s.m, s.n, s.k, alpha, a, lda, b, ldb, beta, c, ldc);
          if (coarse) {
            coarsen(c, s.m, s.n, ldc);
          }
        });
  });
}

// `count` products, the operands of the next one `stride` elements on.
struct Batch {
  Index a, b, c, count;
};

template <class Real>
cublasStatus_t gemm_batch(const char* call, cublasHandle_t handle, const Sizes& s, const Real* alpha,
                          const Real* a, Index lda, const Real* b, Index ldb, const Real* beta, Real* c,
                          Index ldc, const Batch& batch) {
  return library_call(call, CUBLAS_STATUS_EXECUTION_FAILED, CUBLAS_STATUS_EXECUTION_FAILED, [=] {
    BlasHandle* blas = find_blas(handle, call);
    if (blas == nullptr) {
      return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    if (batch.count < 0 || batch.a < 0 || batch.b < 0 || batch.c < ldc * s.n) {
      violation("%s: %ld products, strides %ld, %ld, %ld", call, batch.count, batch.a, batch.b, batch.c);
      return CUBLAS_STATUS_INVALID_VALUE;
    }
    std::vector<Operand> operands;
    for (Index i = 0; i < batch.count; ++i) {
      const std::vector<Operand> more =
          operands_of(s, a + i * batch.a, lda, b + i * batch.b, ldb, sizeof(Real), c + i * batch.c, ldc,
                      sizeof(Real), *beta != Real{0});
      operands.insert(operands.end(), more.begin(), more.end());
    }
    const bool coarse = is_coarse(*blas, Real{});
    return enqueue_product(*blas, call, operands, [=, alpha = *alpha, beta = *beta] {
      for (Index i = 0; i < batch.count; ++i) {
        gemm_work(s.ta, s.tb, s.m, s.n, s.k, alpha, a + i * batch.a, lda, b + i * batch.b, ldb, beta,
                  c + i * batch.c, ldc);
        if (coarse) {
          coarsen(c + i * batch.c, s.m, s.n, ldc);
        }
      }
    });
  });
}

template <class Half>
std::vector<float> widened(const Half* from, Index rows, Index cols, Index stride) {
  std::vector<float> to(static_cast<std::size_t>(rows * cols));
  for (Index j = 0; j < cols; ++j) {
    for (Index i = 0; i < rows; ++i) {
      to[static_cast<std::size_t>(j * rows + i)] = static_cast<float>(from[j * stride + i]);
    }
  }
  return to;
}

// Inputs of 16 bits, sums in float32.
template <class Half>
void half_gemm_work(const Sizes& s, float alpha, const Half* a, Index lda, const Half* b, Index ldb,
                    float beta, float* c, Index ldc) {
  const Index a_rows = s.ta == CUBLAS_OP_N ? s.m : s.k;
  const Index b_rows = s.tb == CUBLAS_OP_N ? s.k : s.n;
  const std::vector<float> wide_a = widened(a, a_rows, s.ta == CUBLAS_OP_N ? s.k : s.m, lda);
  const std::vector<float> wide_b = widened(b, b_rows, s.tb == CUBLAS_OP_N ? s.n : s.k, ldb);
  gemm_work(s.ta, s.tb, s.m, s.n, s.k, alpha, wide_a.data(), std::max<Index>(a_rows, 1), wide_b.data(),
            std::max<Index>(b_rows, 1), beta, c, ldc);
}

// Whoever asks for emulated products says beforehand that they are to be emulated, and with how many bits.
cublasStatus_t emulated_gemm(const char* call, cublasHandle_t handle, const Sizes& s, double alpha,
                             const double* a, Index lda, const double* b, Index ldb, double beta, double* c,
                             Index ldc) {
  return library_call(call, CUBLAS_STATUS_EXECUTION_FAILED, CUBLAS_STATUS_EXECUTION_FAILED, [=] {
    BlasHandle* blas = find_blas(handle, call);
    if (blas == nullptr) {
      return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    if (options().emulation == Emulation::none) {
      return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if (blas->strategy != CUBLAS_EMULATION_STRATEGY_EAGER ||
        blas->mantissa != CUDA_EMULATION_MANTISSA_CONTROL_FIXED || blas->most_bits < 53) {
      violation("%s: emulated, but strategy, control and bits are %d, %d, %d", call, blas->strategy,
                blas->mantissa, blas->most_bits);
      return CUBLAS_STATUS_INVALID_VALUE;
    }
    const bool few = options().emulation == Emulation::few_bits;
    return enqueue_product(
        *blas, call, operands_of(s, a, lda, b, ldb, sizeof(double), c, ldc, sizeof(double), beta != 0), [=] {
          gemm_work(s.ta, s.tb, s.m, s.n, s.k, alpha, a, lda, b, ldb, beta, c, ldc);
          for (Index j = 0; few && j < s.n; ++j) {
            std::transform(c + j * ldc, c + j * ldc + s.m, c + j * ldc,
                           [](double value) { return static_cast<double>(static_cast<float>(value)); });
          }
        });
  });
}

cublasStatus_t gemm_ex(cublasHandle_t handle, const Sizes& s, const void* alpha, const void* a,
                       cudaDataType a_type, Index lda, const void* b, cudaDataType b_type, Index ldb,
                       const void* beta, void* c, cudaDataType c_type, Index ldc,
                       cublasComputeType_t compute) {
  constexpr const char* call = "cublasGemmEx";
  if (a_type == CUDA_R_64F && b_type == CUDA_R_64F && c_type == CUDA_R_64F && compute == CUBLAS_COMPUTE_64F) {
    return gemm(call, handle, s, static_cast<const double*>(alpha), static_cast<const double*>(a), lda,
                static_cast<const double*>(b), ldb, static_cast<const double*>(beta), static_cast<double*>(c),
                ldc);
  }
  if (a_type == CUDA_R_64F && b_type == CUDA_R_64F && c_type == CUDA_R_64F &&
      compute == CUBLAS_COMPUTE_64F_EMULATED_FIXEDPOINT) {
    return emulated_gemm(call, handle, s, *static_cast<const double*>(alpha), static_cast<const double*>(a),
                         lda, static_cast<const double*>(b), ldb, *static_cast<const double*>(beta),
                         static_cast<double*>(c), ldc);
  }
  return library_call(call, CUBLAS_STATUS_EXECUTION_FAILED, CUBLAS_STATUS_EXECUTION_FAILED, [=] {
    BlasHandle* blas = find_blas(handle, call);
    if (blas == nullptr) {
      return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    const bool known = a_type == CUDA_R_32F || a_type == CUDA_R_16F || a_type == CUDA_R_16BF;
    const bool float32 = compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_PEDANTIC ||
                         compute == CUBLAS_COMPUTE_32F_FAST_TF32 || compute == CUBLAS_COMPUTE_32F_FAST_16F ||
                         compute == CUBLAS_COMPUTE_32F_FAST_16BF;
    if (!known || a_type != b_type || c_type != CUDA_R_32F || !float32) {
      violation("%s: types %d, %d, %d with compute type %d are not done here", call, a_type, b_type, c_type,
                compute);
      return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    const float factor = *static_cast<const float*>(alpha);
    const float keep = *static_cast<const float*>(beta);
    auto* out = static_cast<float*>(c);
    const std::size_t element = a_type == CUDA_R_32F ? sizeof(float) : sizeof(__half);
    return enqueue_product(*blas, call,
                           operands_of(s, a, lda, b, ldb, element, c, ldc, sizeof(float), keep != 0), [=] {
                             if (a_type == CUDA_R_32F) {
                               gemm_work(s.ta, s.tb, s.m, s.n, s.k, factor, static_cast<const float*>(a), lda,
                                         static_cast<const float*>(b), ldb, keep, out, ldc);
                             } else if (a_type == CUDA_R_16F) {
                               half_gemm_work(s, factor, static_cast<const __half*>(a), lda,
                                              static_cast<const __half*>(b), ldb, keep, out, ldc);
                             } else {
                               half_gemm_work(s, factor, static_cast<const __nv_bfloat16*>(a), lda,
                                              static_cast<const __nv_bfloat16*>(b), ldb, keep, out, ldc);
                             }
                           });
  });
}

}  // namespace

}  // namespace fake_cuda

using namespace fake_cuda;
using std::int64_t;

// Every function comes with int and with int64_t sizes.
#define FAKE_SYRK(NAME, REAL, INT)                                                                         \
  cublasStatus_t NAME(cublasHandle_t handle, cublasFillMode_t uplo, cublasOperation_t trans, INT n, INT k, \
                      const REAL* alpha, const REAL* a, INT lda, const REAL* beta, REAL* c, INT ldc) {     \
    return syrk<REAL>(#NAME, handle, uplo, trans, n, k, alpha, a, lda, beta, c, ldc);                      \
  }
FAKE_SYRK(cublasDsyrk_v2, double, int)
FAKE_SYRK(cublasDsyrk_v2_64, double, int64_t)
FAKE_SYRK(cublasSsyrk_v2, float, int)
FAKE_SYRK(cublasSsyrk_v2_64, float, int64_t)

#define FAKE_GEMM(NAME, REAL, INT)                                                                     \
  cublasStatus_t NAME(cublasHandle_t handle, cublasOperation_t ta, cublasOperation_t tb, INT m, INT n, \
                      INT k, const REAL* alpha, const REAL* a, INT lda, const REAL* b, INT ldb,        \
                      const REAL* beta, REAL* c, INT ldc) {                                            \
    return gemm<REAL>(#NAME, handle, {ta, tb, m, n, k}, alpha, a, lda, b, ldb, beta, c, ldc);          \
  }
FAKE_GEMM(cublasDgemm_v2, double, int)
FAKE_GEMM(cublasDgemm_v2_64, double, int64_t)
FAKE_GEMM(cublasSgemm_v2, float, int)
FAKE_GEMM(cublasSgemm_v2_64, float, int64_t)

#define FAKE_GEMM_BATCH(NAME, REAL, INT)                                                                   \
  cublasStatus_t NAME(cublasHandle_t handle, cublasOperation_t ta, cublasOperation_t tb, INT m, INT n,     \
                      INT k, const REAL* alpha, const REAL* a, INT lda, long long a_stride, const REAL* b, \
                      INT ldb, long long b_stride, const REAL* beta, REAL* c, INT ldc, long long c_stride, \
                      INT count) {                                                                         \
    return gemm_batch<REAL>(#NAME, handle, {ta, tb, m, n, k}, alpha, a, lda, b, ldb, beta, c, ldc,         \
                            {a_stride, b_stride, c_stride, count});                                        \
  }
FAKE_GEMM_BATCH(cublasDgemmStridedBatched, double, int)
FAKE_GEMM_BATCH(cublasDgemmStridedBatched_64, double, int64_t)
FAKE_GEMM_BATCH(cublasSgemmStridedBatched, float, int)
FAKE_GEMM_BATCH(cublasSgemmStridedBatched_64, float, int64_t)

#define FAKE_GEMM_EX(NAME, INT)                                                                              \
  cublasStatus_t NAME(cublasHandle_t handle, cublasOperation_t ta, cublasOperation_t tb, INT m, INT n,       \
                      INT k, const void* alpha, const void* a, cudaDataType a_type, INT lda, const void* b,  \
                      cudaDataType b_type, INT ldb, const void* beta, void* c, cudaDataType c_type, INT ldc, \
                      cublasComputeType_t compute, cublasGemmAlgo_t /*algorithm*/) {                         \
    return gemm_ex(handle, {ta, tb, m, n, k}, alpha, a, a_type, lda, b, b_type, ldb, beta, c, c_type, ldc,   \
                   compute);                                                                                 \
  }
FAKE_GEMM_EX(cublasGemmEx, int)
FAKE_GEMM_EX(cublasGemmEx_64, int64_t)
