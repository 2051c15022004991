#include "cuda/errors.hpp"

#include <fmt/format.h>

#include <cstddef>

#include "collapscope/core/error.hpp"
#include "cuda/call.hpp"

namespace collapscope::cuda {

namespace {

// What loading a library's kernels may take. Chosen, not measured.
constexpr std::size_t little = std::size_t{256} << 20U;

// Why a call of a library may have failed that only says so: it loads its kernels when they are first used,
// and then has its own words for there being no room. A device that is lost does not answer.
bool memory_is_short() {
  if (cudaPeekAtLastError() == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    return true;
  }
  std::size_t free = 0;
  std::size_t total = 0;
  return Call("cudaMemGetInfo").answer(cudaMemGetInfo(&free, &total)) == cudaSuccess && free < little;
}

}  // namespace

bool lacks_memory(cublasStatus_t status) {
  const bool may_be = status == CUBLAS_STATUS_EXECUTION_FAILED || status == CUBLAS_STATUS_INTERNAL_ERROR ||
                      status == CUBLAS_STATUS_NOT_INITIALIZED;
  return status == CUBLAS_STATUS_ALLOC_FAILED || (may_be && memory_is_short());
}

bool lacks_memory(cusolverStatus_t status) {
  const bool may_be = status == CUSOLVER_STATUS_EXECUTION_FAILED ||
                      status == CUSOLVER_STATUS_INTERNAL_ERROR || status == CUSOLVER_STATUS_NOT_INITIALIZED;
  return status == CUSOLVER_STATUS_ALLOC_FAILED || (may_be && memory_is_short());
}

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
  if (lacks_memory(status)) {
    throw DeviceMemoryError(message + ", with little memory left");
  }
  throw DeviceError(message);
}

void check(cusolverStatus_t status, const char* call) {
  if (status == CUSOLVER_STATUS_SUCCESS) {
    return;
  }
  const std::string message = fmt::format("{}: cuSOLVER status {}", call, static_cast<int>(status));
  if (lacks_memory(status)) {
    throw DeviceMemoryError(message + ", with little memory left");
  }
  throw DeviceError(message);
}

}  // namespace collapscope::cuda
