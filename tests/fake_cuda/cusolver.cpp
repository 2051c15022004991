// libcusolver: handles and the symmetric eigenproblem, by LAPACK.
#include <cusolverDn.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "eigen.hpp"
#include "ledger.hpp"
#include "memory.hpp"
#include "runtime.hpp"
#include "streams.hpp"

namespace fake_cuda {

namespace {

constexpr const char* handle_kind = "cuSOLVER handle";
constexpr const char* params_kind = "cuSOLVER parameters";

struct SolverHandle {
  int device = 0;
  cudaStream_t stream = nullptr;
  LazyKernels kernels;
};

template <class Body>
cusolverStatus_t solver_call(const char* call, cusolverDnHandle_t handle, Body&& body) {
  return library_call(call, CUSOLVER_STATUS_EXECUTION_FAILED, CUSOLVER_STATUS_EXECUTION_FAILED, [&] {
    if (!is_handle(handle, handle_kind)) {
      violation("%s: no cuSOLVER handle, or no longer", call);
      return CUSOLVER_STATUS_NOT_INITIALIZED;
    }
    auto& solver = *reinterpret_cast<SolverHandle*>(handle);
    if (solver.device != current_device()) {
      violation("%s: the handle is of device %d, but device %d is current", call, solver.device,
                current_device());
      return CUSOLVER_STATUS_INVALID_VALUE;
    }
    return body(solver);
  });
}

template <class Object>
cusolverStatus_t destroy(const char* call, void* object, const char* kind) {
  return library_release(call, CUSOLVER_STATUS_EXECUTION_FAILED, [&] {
    if (!close_handle(object, kind)) {
      violation("%s: no %s, or no longer", call, kind);
      return CUSOLVER_STATUS_NOT_INITIALIZED;
    }
    if constexpr (std::is_same_v<Object, SolverHandle>) {
      expect_current(call, "handle", static_cast<SolverHandle*>(object)->device);
      static_cast<SolverHandle*>(object)->kernels.unload();
    }
    delete static_cast<Object*>(object);
    return CUSOLVER_STATUS_SUCCESS;
  });
}

struct Problem {
  const char* call;
  EigenTask task;
  cudaDataType w_type;
  cudaDataType compute;
};

bool is_known(const Problem& p) {
  return p.task.n >= 0 && p.task.stride >= std::max<std::int64_t>(1, p.task.n) && p.w_type == p.compute &&
         (p.compute == CUDA_R_64F || p.compute == CUDA_R_32F);
}

std::size_t element(const Problem& p) { return p.task.is_double ? sizeof(double) : sizeof(float); }

std::size_t device_workspace(const Problem& p) {
  const auto n = static_cast<std::size_t>(p.task.n);
  return (n * n + 4 * n + 64) * element(p);
}

std::size_t host_workspace(const Problem& p) { return (static_cast<std::size_t>(p.task.n) + 8) * element(p); }

cusolverStatus_t sizes(const Problem& p, std::size_t* on_device, std::size_t* on_host) {
  if (!is_known(p)) {
    return CUSOLVER_STATUS_INVALID_VALUE;
  }
  *on_device = device_workspace(p);
  *on_host = host_workspace(p);
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t solve(SolverHandle& solver, const Problem& p, void* on_device, std::size_t device_bytes,
                       void* on_host, std::size_t host_bytes) {
  Stream* stream = find_stream(solver.stream, p.call);
  if (stream == nullptr || !is_known(p) || device_bytes < device_workspace(p) ||
      host_bytes < host_workspace(p)) {
    return CUSOLVER_STATUS_INVALID_VALUE;
  }
  const auto n = static_cast<std::size_t>(p.task.n);
  const auto stride = static_cast<std::size_t>(p.task.stride);
  if ((n > 0 &&
       (!is_device_range(p.task.a, ((n - 1) * stride + n) * element(p), solver.device, p.call, "A") ||
        !is_device_range(p.task.w, n * element(p), solver.device, p.call, "W"))) ||
      !is_device_range(on_device, device_bytes, solver.device, p.call, "workspace") ||
      !is_device_range(p.task.info, sizeof(int), solver.device, p.call, "info")) {
    return CUSOLVER_STATUS_INVALID_VALUE;
  }
  if (!solver.kernels.load(solver.device)) {
    return CUSOLVER_STATUS_INTERNAL_ERROR;
  }
  std::memset(on_host, 0xFF, host_bytes);
  count("eigenproblems");
  enqueue(*stream, p.call, [=] {
    std::memset(on_device, 0xFF, device_bytes);
    run_eigen(p.task);
  });
  return CUSOLVER_STATUS_SUCCESS;
}

EigenTask task_of(cusolverEigMode_t mode, cublasFillMode_t uplo, std::int64_t n, cudaDataType type, void* a,
                  std::int64_t stride, void* w, int* info) {
  EigenTask task;
  task.vectors = mode == CUSOLVER_EIG_MODE_VECTOR;
  task.lower = uplo == CUBLAS_FILL_MODE_LOWER;
  task.is_double = type == CUDA_R_64F;
  task.n = n;
  task.a = a;
  task.stride = stride;
  task.w = w;
  task.info = info;
  task.last = n;
  return task;
}

// Of float64 only.
cusolverStatus_t cholesky_sizes(std::int64_t n, std::int64_t stride, cudaDataType type, cudaDataType compute,
                                std::size_t* on_device, std::size_t* on_host) {
  if (n < 1 || stride < n || type != CUDA_R_64F || compute != CUDA_R_64F) {
    return CUSOLVER_STATUS_INVALID_VALUE;
  }
  *on_device = static_cast<std::size_t>(4 * n + 64) * sizeof(double);
  *on_host = 64;
  return CUSOLVER_STATUS_SUCCESS;
}

// All of them, or those with numbers first ... last; the range by values is not done here.
bool choose(EigenTask& task, cusolverEigRange_t range, std::int64_t first, std::int64_t last) {
  if (range == CUSOLVER_EIG_RANGE_I) {
    task.first = first;
    task.last = last;
  }
  return range != CUSOLVER_EIG_RANGE_V && task.first >= 1 && task.first <= task.last && task.last <= task.n;
}

}  // namespace

}  // namespace fake_cuda

using namespace fake_cuda;

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t* handle) {
  *handle = nullptr;
  return library_call("cusolverDnCreate", CUSOLVER_STATUS_ALLOC_FAILED, CUSOLVER_STATUS_NOT_INITIALIZED, [&] {
    auto* solver = new SolverHandle;
    solver->device = current_device();
    open_handle(solver, handle_kind);
    *handle = reinterpret_cast<cusolverDnHandle_t>(solver);
    return CUSOLVER_STATUS_SUCCESS;
  });
}

cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle) {
  return destroy<SolverHandle>("cusolverDnDestroy", handle, handle_kind);
}

cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream) {
  return solver_call("cusolverDnSetStream", handle, [&](SolverHandle& solver) {
    const Stream* found = find_stream(stream, "cusolverDnSetStream");
    if (found == nullptr || device_of(*found) != solver.device) {
      violation("cusolverDnSetStream: not a stream of device %d", solver.device);
      return CUSOLVER_STATUS_INVALID_VALUE;
    }
    solver.stream = stream;
    return CUSOLVER_STATUS_SUCCESS;
  });
}

cusolverStatus_t cusolverDnSetDeterministicMode(cusolverDnHandle_t handle, cusolverDeterministicMode_t) {
  return solver_call("cusolverDnSetDeterministicMode", handle,
                     [](SolverHandle&) { return CUSOLVER_STATUS_SUCCESS; });
}

cusolverStatus_t cusolverDnSetMathMode(cusolverDnHandle_t handle, cusolverMathMode_t) {
  return solver_call("cusolverDnSetMathMode", handle, [](SolverHandle&) { return CUSOLVER_STATUS_SUCCESS; });
}

cusolverStatus_t cusolverDnCreateParams(cusolverDnParams_t* params) {
  *params = nullptr;
  return library_call("cusolverDnCreateParams", CUSOLVER_STATUS_ALLOC_FAILED, CUSOLVER_STATUS_NOT_INITIALIZED,
                      [&] {
                        auto* made = new int(0);
                        open_handle(made, params_kind);
                        *params = reinterpret_cast<cusolverDnParams_t>(made);
                        return CUSOLVER_STATUS_SUCCESS;
                      });
}

cusolverStatus_t cusolverDnDestroyParams(cusolverDnParams_t params) {
  return destroy<int>("cusolverDnDestroyParams", params, params_kind);
}

cusolverStatus_t cusolverDnXsyevd_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t,
                                             cusolverEigMode_t mode, cublasFillMode_t uplo, int64_t n,
                                             cudaDataType a_type, const void* a, int64_t lda,
                                             cudaDataType w_type, const void*, cudaDataType compute,
                                             size_t* on_device, size_t* on_host) {
  constexpr const char* call = "cusolverDnXsyevd_bufferSize";
  return solver_call(call, handle, [&](SolverHandle&) {
    const EigenTask task = task_of(mode, uplo, n, a_type, const_cast<void*>(a), lda, nullptr, nullptr);
    return sizes({call, task, w_type, compute}, on_device, on_host);
  });
}

cusolverStatus_t cusolverDnXsyevd(cusolverDnHandle_t handle, cusolverDnParams_t, cusolverEigMode_t mode,
                                  cublasFillMode_t uplo, int64_t n, cudaDataType a_type, void* a, int64_t lda,
                                  cudaDataType w_type, void* w, cudaDataType compute, void* on_device,
                                  size_t device_bytes, void* on_host, size_t host_bytes, int* info) {
  constexpr const char* call = "cusolverDnXsyevd";
  return solver_call(call, handle, [&](SolverHandle& solver) {
    const EigenTask task = task_of(mode, uplo, n, a_type, a, lda, w, info);
    return solve(solver, {call, task, w_type, compute}, on_device, device_bytes, on_host, host_bytes);
  });
}

cusolverStatus_t cusolverDnXsyevdx_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t,
                                              cusolverEigMode_t mode, cusolverEigRange_t range,
                                              cublasFillMode_t uplo, int64_t n, cudaDataType a_type,
                                              const void* a, int64_t lda, void*, void*, int64_t first,
                                              int64_t last, int64_t* found, cudaDataType w_type, const void*,
                                              cudaDataType compute, size_t* on_device, size_t* on_host) {
  constexpr const char* call = "cusolverDnXsyevdx_bufferSize";
  return solver_call(call, handle, [&](SolverHandle&) {
    EigenTask task = task_of(mode, uplo, n, a_type, const_cast<void*>(a), lda, nullptr, nullptr);
    if (!choose(task, range, first, last)) {
      return CUSOLVER_STATUS_INVALID_VALUE;
    }
    *found = task.last - task.first + 1;
    return sizes({call, task, w_type, compute}, on_device, on_host);
  });
}

cusolverStatus_t cusolverDnXsyevdx(cusolverDnHandle_t handle, cusolverDnParams_t, cusolverEigMode_t mode,
                                   cusolverEigRange_t range, cublasFillMode_t uplo, int64_t n,
                                   cudaDataType a_type, void* a, int64_t lda, void*, void*, int64_t first,
                                   int64_t last, int64_t* found, cudaDataType w_type, void* w,
                                   cudaDataType compute, void* on_device, size_t device_bytes, void* on_host,
                                   size_t host_bytes, int* info) {
  constexpr const char* call = "cusolverDnXsyevdx";
  return solver_call(call, handle, [&](SolverHandle& solver) {
    EigenTask task = task_of(mode, uplo, n, a_type, a, lda, w, info);
    if (!choose(task, range, first, last)) {
      return CUSOLVER_STATUS_INVALID_VALUE;
    }
    *found = task.last - task.first + 1;
    return solve(solver, {call, task, w_type, compute}, on_device, device_bytes, on_host, host_bytes);
  });
}

cusolverStatus_t cusolverDnXpotrf_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t, cublasFillMode_t,
                                             int64_t n, cudaDataType a_type, const void*, int64_t lda,
                                             cudaDataType compute, size_t* on_device, size_t* on_host) {
  constexpr const char* call = "cusolverDnXpotrf_bufferSize";
  return solver_call(call, handle, [&](SolverHandle&) {
    return cholesky_sizes(n, lda, a_type, compute, on_device, on_host);
  });
}

cusolverStatus_t cusolverDnXpotrf(cusolverDnHandle_t handle, cusolverDnParams_t, cublasFillMode_t uplo,
                                  int64_t n, cudaDataType a_type, void* a, int64_t lda, cudaDataType compute,
                                  void* on_device, size_t device_bytes, void* on_host, size_t host_bytes,
                                  int* info) {
  constexpr const char* call = "cusolverDnXpotrf";
  return solver_call(call, handle, [&](SolverHandle& solver) {
    std::size_t least_device = 0;
    std::size_t least_host = 0;
    Stream* stream = find_stream(solver.stream, call);
    if (stream == nullptr ||
        cholesky_sizes(n, lda, a_type, compute, &least_device, &least_host) != CUSOLVER_STATUS_SUCCESS ||
        device_bytes < least_device || host_bytes < least_host) {
      return CUSOLVER_STATUS_INVALID_VALUE;
    }
    const auto extent = static_cast<std::size_t>((n - 1) * lda + n) * sizeof(double);
    if (!is_device_range(a, extent, solver.device, call, "A") ||
        !is_device_range(on_device, device_bytes, solver.device, call, "workspace") ||
        !is_device_range(info, sizeof(int), solver.device, call, "info")) {
      return CUSOLVER_STATUS_INVALID_VALUE;
    }
    if (!solver.kernels.load(solver.device)) {
      return CUSOLVER_STATUS_INTERNAL_ERROR;
    }
    std::memset(on_host, 0xFF, host_bytes);
    count("factorizations");
    enqueue(*stream, call, [=] {
      std::memset(on_device, 0xFF, device_bytes);
      *info = run_cholesky(static_cast<double*>(a), n, lda, uplo == CUBLAS_FILL_MODE_LOWER);
    });
    return CUSOLVER_STATUS_SUCCESS;
  });
}

cusolverStatus_t cusolverGetProperty(libraryPropertyType type, int* value) {
  *value = type == MAJOR_VERSION   ? CUSOLVER_VER_MAJOR
           : type == MINOR_VERSION ? CUSOLVER_VER_MINOR
                                   : CUSOLVER_VER_PATCH;
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverGetVersion(int* version) {
  *version = CUSOLVER_VERSION;
  return CUSOLVER_STATUS_SUCCESS;
}
