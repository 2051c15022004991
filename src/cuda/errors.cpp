#include "cuda/errors.hpp"

#include <fmt/format.h>

#include "collapscope/core/error.hpp"

namespace collapscope::cuda {

void check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) {
    return;
  }
  (void)cudaGetLastError();
  const std::string message =
      fmt::format("{}: {} ({})", call, cudaGetErrorString(status), cudaGetErrorName(status));
  if (status == cudaErrorMemoryAllocation) {
    throw DeviceMemoryError(message);
  }
  throw DeviceError(message);
}

void check(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) {
    return;
  }
  const std::string message = fmt::format("{}: {}", call, cublasGetStatusString(status));
  if (status == CUBLAS_STATUS_ALLOC_FAILED) {
    throw DeviceMemoryError(message);
  }
  throw DeviceError(message);
}

void check(cusolverStatus_t status, const char* call) {
  if (status == CUSOLVER_STATUS_SUCCESS) {
    return;
  }
  const std::string message = fmt::format("{}: cuSOLVER status {}", call, static_cast<int>(status));
  if (status == CUSOLVER_STATUS_ALLOC_FAILED) {
    throw DeviceMemoryError(message);
  }
  throw DeviceError(message);
}

}  // namespace collapscope::cuda
