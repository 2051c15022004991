// What stands behind cublasHandle_t, and how the products of cublas_products.cpp begin.
#pragma once

#include <cublas_v2.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "memory.hpp"
#include "runtime.hpp"
#include "streams.hpp"

namespace fake_cuda {

struct BlasHandle {
  int device = 0;
  cudaStream_t stream = nullptr;
  std::byte* workspace = nullptr;
  std::size_t workspace_bytes = 0;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
  cublasEmulationStrategy_t strategy = CUBLAS_EMULATION_STRATEGY_DEFAULT;
  cudaEmulationMantissaControl mantissa = CUDA_EMULATION_MANTISSA_CONTROL_DYNAMIC;
  int most_bits = 0;
  cublasAtomicsMode_t atomics = CUBLAS_ATOMICS_NOT_ALLOWED;
  bool coarse_double = false;  // products of this type have fewer digits, as the environment asked for
  bool coarse_float = false;
  LazyKernels kernels;
};

// A column-major matrix on the device.
struct Operand {
  const char* name;
  const void* data;
  std::int64_t rows;
  std::int64_t cols;
  std::int64_t stride;
  std::size_t element;
  double read = 1;  // how much of it, at least
  double written = 0;
};

// The handle; null, and reported: none, or another device is current.
BlasHandle* find_blas(cublasHandle_t handle, const char* call);

// Checks the operands and enqueues the work.
cublasStatus_t enqueue_product(BlasHandle& handle, const char* call, const std::vector<Operand>& operands,
                               std::function<void()> work);

}  // namespace fake_cuda
