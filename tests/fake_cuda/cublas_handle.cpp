// Entry points of libcublas: the handle and its settings.
#include "cublas_handle.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "ledger.hpp"

namespace fake_cuda {

namespace {

constexpr const char* kind = "cuBLAS handle";

template <class Body>
cublasStatus_t blas_setting(const char* call, cublasHandle_t handle, Body&& body) {
  return library_call(call, CUBLAS_STATUS_EXECUTION_FAILED, CUBLAS_STATUS_EXECUTION_FAILED, [&] {
    BlasHandle* blas = find_blas(handle, call);
    return blas == nullptr ? CUBLAS_STATUS_NOT_INITIALIZED : body(*blas);
  });
}

bool asked_for(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && std::string_view(value) == "1";
}

// As a library that uses its workspace would leave it.
void scribble(std::byte* workspace, std::size_t bytes) {
  const std::size_t part = std::min<std::size_t>(bytes, 4096);
  std::memset(workspace, 0xFF, part);
  std::memset(workspace + (bytes - part), 0xFF, part);
}

}  // namespace

BlasHandle* find_blas(cublasHandle_t handle, const char* call) {
  if (!is_handle(handle, kind)) {
    violation("%s: no cuBLAS handle, or no longer", call);
    return nullptr;
  }
  auto* blas = reinterpret_cast<BlasHandle*>(handle);
  if (blas->device != current_device()) {
    violation("%s: the handle is of device %d, but device %d is current", call, blas->device,
              current_device());
    return nullptr;
  }
  return blas;
}

cublasStatus_t enqueue_product(BlasHandle& handle, const char* call, const std::vector<Operand>& operands,
                               std::function<void()> work) {
  Stream* stream = find_stream(handle.stream, call);
  if (stream == nullptr) {
    return CUBLAS_STATUS_EXECUTION_FAILED;
  }
  for (const Operand& o : operands) {
    if (o.rows < 0 || o.cols < 0 || o.stride < std::max<std::int64_t>(1, o.rows)) {
      violation("%s: %s is %ld x %ld with leading dimension %ld", call, o.name, o.rows, o.cols, o.stride);
      return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (o.rows > 0 && o.cols > 0) {
      const auto bytes = static_cast<std::size_t>((o.cols - 1) * o.stride + o.rows) * o.element;
      if (!is_device_range(o.data, bytes, handle.device, call, o.name)) {
        return CUBLAS_STATUS_INVALID_VALUE;
      }
    }
  }
  if (!handle.kernels.load(handle.device)) {
    return CUBLAS_STATUS_EXECUTION_FAILED;
  }
  count("products");
  const void* before = nullptr;
  double bytes_before = 0;
  for (const Operand& o : operands) {
    const double all = static_cast<double>(o.rows * o.cols) * static_cast<double>(o.element);
    const bool again =
        o.data == before && o.written == 0;  // x with itself, or with x and what lies beside it
    const double bytes = again ? std::max(all - bytes_before, 0.0) : all;
    before = o.data;
    bytes_before = all;
    count("device_bytes_read", static_cast<std::size_t>(o.read * bytes));
    count("device_bytes_written", static_cast<std::size_t>(o.written * bytes));
  }
  enqueue(*stream, call,
          [work = std::move(work), workspace = handle.workspace, bytes = handle.workspace_bytes] {
            scribble(workspace, bytes);
            work();
          });
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace fake_cuda

using namespace fake_cuda;

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  *handle = nullptr;
  return library_call("cublasCreate", CUBLAS_STATUS_ALLOC_FAILED, CUBLAS_STATUS_NOT_INITIALIZED, [&] {
    auto* blas = new BlasHandle;
    blas->device = current_device();
    blas->coarse_double = asked_for("CUBLAS_EMULATE_DOUBLE_PRECISION");
    blas->coarse_float = asked_for("NVIDIA_TF32_OVERRIDE") || asked_for("CUBLAS_EMULATE_SINGLE_PRECISION");
    open_handle(blas, kind);
    *handle = reinterpret_cast<cublasHandle_t>(blas);
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  return library_release("cublasDestroy", CUBLAS_STATUS_EXECUTION_FAILED, [&] {
    if (!close_handle(handle, kind)) {
      violation("cublasDestroy: no cuBLAS handle, or no longer");
      return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    expect_current("cublasDestroy", "handle", reinterpret_cast<BlasHandle*>(handle)->device);
    reinterpret_cast<BlasHandle*>(handle)->kernels.unload();
    delete reinterpret_cast<BlasHandle*>(handle);
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  return blas_setting("cublasSetStream", handle, [&](BlasHandle& blas) {
    const Stream* found = find_stream(stream, "cublasSetStream");
    if (found == nullptr || device_of(*found) != blas.device) {
      violation("cublasSetStream: not a stream of device %d", blas.device);
      return CUBLAS_STATUS_INVALID_VALUE;
    }
    blas.stream = stream;
    // As cuBLAS does: back to its own workspace.
    blas.workspace = nullptr;
    blas.workspace_bytes = 0;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasGetStream_v2(cublasHandle_t handle, cudaStream_t* stream) {
  return blas_setting("cublasGetStream", handle, [&](BlasHandle& blas) {
    *stream = blas.stream;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, std::size_t bytes) {
  return blas_setting("cublasSetWorkspace", handle, [&](BlasHandle& blas) {
    if (bytes > 0 && !is_device_range(workspace, bytes, blas.device, "cublasSetWorkspace", "workspace")) {
      return CUBLAS_STATUS_INVALID_VALUE;
    }
    blas.workspace = static_cast<std::byte*>(workspace);
    blas.workspace_bytes = bytes;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  return blas_setting("cublasSetMathMode", handle, [&](BlasHandle& blas) {
    blas.math = mode;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t* mode) {
  return blas_setting("cublasGetMathMode", handle, [&](BlasHandle& blas) {
    *mode = blas.math;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetEmulationStrategy(cublasHandle_t handle, cublasEmulationStrategy_t strategy) {
  return blas_setting("cublasSetEmulationStrategy", handle, [&](BlasHandle& blas) {
    blas.strategy = strategy;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetFixedPointEmulationMantissaControl(cublasHandle_t handle,
                                                           cudaEmulationMantissaControl control) {
  return blas_setting("cublasSetFixedPointEmulationMantissaControl", handle, [&](BlasHandle& blas) {
    blas.mantissa = control;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetFixedPointEmulationMaxMantissaBitCount(cublasHandle_t handle, int bits) {
  return blas_setting("cublasSetFixedPointEmulationMaxMantissaBitCount", handle, [&](BlasHandle& blas) {
    blas.most_bits = bits;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasGetEmulationStrategy(cublasHandle_t handle, cublasEmulationStrategy_t* strategy) {
  return blas_setting("cublasGetEmulationStrategy", handle, [&](BlasHandle& blas) {
    *strategy = blas.strategy;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetAtomicsMode(cublasHandle_t handle, cublasAtomicsMode_t mode) {
  return blas_setting("cublasSetAtomicsMode", handle, [&](BlasHandle& blas) {
    blas.atomics = mode;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t mode) {
  return blas_setting("cublasSetPointerMode", handle, [&](BlasHandle&) {
    return mode == CUBLAS_POINTER_MODE_HOST ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
  });
}

cublasStatus_t cublasGetVersion_v2(cublasHandle_t /*handle*/, int* version) {
  *version = CUBLAS_VERSION;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetProperty(libraryPropertyType type, int* value) {
  *value = type == MAJOR_VERSION   ? CUBLAS_VER_MAJOR
           : type == MINOR_VERSION ? CUBLAS_VER_MINOR
                                   : CUBLAS_VER_PATCH;
  return CUBLAS_STATUS_SUCCESS;
}

const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    default:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
  }
}

const char* cublasGetStatusString(cublasStatus_t status) { return cublasGetStatusName(status); }
