// Every call of the CUDA libraries goes through `check`.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>

namespace collapscope::cuda {

// Throws DeviceMemoryError when memory ran out (lacks_memory), else DeviceError that names `call` and what it
// answered. An error that the runtime would report again is cleared; one that it cannot get over stays, and
// everything after it fails too.
void check(cudaError_t status, const char* call);
void check(cublasStatus_t status, const char* call);
void check(cusolverStatus_t status, const char* call);

// Whether a library failed for want of memory: it says so, or says only that it failed while little is free.
[[nodiscard]] bool lacks_memory(cublasStatus_t status);
[[nodiscard]] bool lacks_memory(cusolverStatus_t status);

}  // namespace collapscope::cuda
