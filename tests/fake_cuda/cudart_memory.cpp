// Entry points of libcudart: memory.
#include <cuda_runtime_api.h>

#include "copies.hpp"
#include "faults.hpp"
#include "ledger.hpp"
#include "memory.hpp"
#include "options.hpp"
#include "runtime.hpp"
#include "streams.hpp"

using namespace fake_cuda;

namespace {

cudaError_t give(void** pointer, std::size_t size, int device) {
  *pointer = nullptr;
  if (size == 0) {
    return cudaSuccess;
  }
  *pointer = allocate(size, device);
  return *pointer == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

// Work under way ends before its memory goes.
cudaError_t take_back(void* pointer, bool device_memory) {
  if (pointer == nullptr) {
    return cudaSuccess;
  }
  cudaError_t error = cudaSuccess;
  const Allocation* a = allocation_of(pointer);
  for (int device = 0; device < options().devices; ++device) {
    if (a == nullptr || a->device == pinned || a->device == device) {
      error = await_device(device);
    }
  }
  if (a != nullptr && a->device != pinned) {
    expect_current("cudaFree", "memory", a->device);
  }
  return release(pointer, device_memory) ? error : cudaErrorInvalidValue;
}

cudaError_t copy(const Copy& what, cudaStream_t stream, bool wait) {
  return api(what.call, cudaErrorUnknown, [&] { return enqueue_copy(what, stream, wait); });
}

}  // namespace

cudaError_t cudaMalloc(void** pointer, std::size_t size) {
  return api("cudaMalloc", cudaErrorMemoryAllocation, [&] { return give(pointer, size, current_device()); });
}

cudaError_t cudaFree(void* pointer) {
  return release_api("cudaFree", [&] { return take_back(pointer, true); });
}

cudaError_t cudaMallocHost(void** pointer, std::size_t size) {
  return api("cudaMallocHost", cudaErrorMemoryAllocation, [&] { return give(pointer, size, pinned); });
}

cudaError_t cudaHostAlloc(void** pointer, std::size_t size, unsigned /*flags*/) {
  return api("cudaHostAlloc", cudaErrorMemoryAllocation, [&] { return give(pointer, size, pinned); });
}

cudaError_t cudaFreeHost(void* pointer) {
  return release_api("cudaFreeHost", [&] { return take_back(pointer, false); });
}

cudaError_t cudaHostRegister(void* pointer, std::size_t size, unsigned /*flags*/) {
  return api("cudaHostRegister", cudaErrorMemoryAllocation, [&] {
    if (pointer == nullptr || size == 0) {
      return cudaErrorInvalidValue;
    }
    if (!options().registers) {
      return cudaErrorNotSupported;
    }
    watch_faults();
    return register_memory(pointer, size) ? cudaSuccess : cudaErrorHostMemoryAlreadyRegistered;
  });
}

// Work under way ends before.
cudaError_t cudaHostUnregister(void* pointer) {
  return release_api("cudaHostUnregister", [&] {
    cudaError_t error = cudaSuccess;
    for (int device = 0; device < options().devices && error == cudaSuccess; ++device) {
      error = await_device(device);
    }
    return unregister_memory(pointer) ? error : cudaErrorHostMemoryNotRegistered;
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return copy({to, bytes, from, bytes, bytes, 1, kind, "cudaMemcpy"}, nullptr, true);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return copy({to, bytes, from, bytes, bytes, 1, kind, "cudaMemcpyAsync"}, stream, false);
}

cudaError_t cudaMemcpy2D(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                         std::size_t width, std::size_t height, cudaMemcpyKind kind) {
  return copy({to, to_pitch, from, from_pitch, width, height, kind, "cudaMemcpy2D"}, nullptr, true);
}

cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  return copy({to, to_pitch, from, from_pitch, width, height, kind, "cudaMemcpy2DAsync"}, stream, false);
}

cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
  return api("cudaMemset", cudaErrorUnknown,
             [&] { return enqueue_fill(to, value, bytes, nullptr, true, "cudaMemset"); });
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  return api("cudaMemsetAsync", cudaErrorUnknown,
             [&] { return enqueue_fill(to, value, bytes, stream, false, "cudaMemsetAsync"); });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  return api("cudaPointerGetAttributes", cudaErrorUnknown, [&] {
    *attributes = {};
    const Allocation* a = allocation_of(pointer);
    auto* address = const_cast<void*>(pointer);
    if (a == nullptr) {
      attributes->type = cudaMemoryTypeUnregistered;
      attributes->device = -2;
      attributes->hostPointer = address;
    } else if (a->device == pinned) {
      attributes->type = cudaMemoryTypeHost;
      attributes->hostPointer = address;
      attributes->devicePointer = address;
    } else {
      attributes->type = cudaMemoryTypeDevice;
      attributes->device = a->device;
      attributes->devicePointer = address;
    }
    return cudaSuccess;
  });
}
