// Entry points of libcudart: devices, errors, versions.
#include <cuda_runtime_api.h>

#include <cstring>

#include "errors.hpp"
#include "ledger.hpp"
#include "memory.hpp"
#include "options.hpp"
#include "runtime.hpp"
#include "streams.hpp"

using namespace fake_cuda;

namespace {

constexpr int old_driver = 12020;

bool is_device(int device) { return device >= 0 && device < options().devices; }

}  // namespace

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  return api("cudaGetDeviceCount", cudaErrorUnknown, [&] {
    *count = options().devices;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return api("cudaGetDeviceProperties", cudaErrorUnknown, [&] {
    if (!is_device(device)) {
      return cudaErrorInvalidDevice;
    }
    cudaDeviceProp p{};
    std::strncpy(p.name, options().name.c_str(), sizeof p.name - 1);
    p.uuid.bytes[0] = static_cast<char>(device + 1);
    p.totalGlobalMem = options().memory;
    p.major = options().capability / 10;
    p.minor = options().capability % 10;
    p.multiProcessorCount = options().multiprocessors;
    p.warpSize = 32;
    p.maxThreadsPerBlock = 1024;
    p.maxThreadsPerMultiProcessor = 2048;
    p.maxThreadsDim[0] = p.maxThreadsDim[1] = 1024;
    p.maxThreadsDim[2] = 64;
    p.maxGridSize[0] = 0x7fffffff;
    p.maxGridSize[1] = p.maxGridSize[2] = 65535;
    p.sharedMemPerBlock = 48 << 10;
    p.sharedMemPerBlockOptin = 227 << 10;
    p.sharedMemPerMultiprocessor = 228 << 10;
    p.regsPerBlock = 65536;
    p.l2CacheSize = 50 << 20;
    p.memPitch = 0x7fffffff;
    p.textureAlignment = 512;
    p.asyncEngineCount = 3;
    p.unifiedAddressing = 1;
    p.concurrentKernels = 1;
    p.ECCEnabled = 1;
    p.pciBusID = device + 1;
    *properties = p;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return api("cudaDeviceGetAttribute", cudaErrorUnknown, [&] {
    if (!is_device(device)) {
      return cudaErrorInvalidDevice;
    }
    switch (attribute) {
      case cudaDevAttrComputeCapabilityMajor:
        *value = options().capability / 10;
        return cudaSuccess;
      case cudaDevAttrComputeCapabilityMinor:
        *value = options().capability % 10;
        return cudaSuccess;
      case cudaDevAttrMultiProcessorCount:
        *value = options().multiprocessors;
        return cudaSuccess;
      case cudaDevAttrWarpSize:
        *value = 32;
        return cudaSuccess;
      case cudaDevAttrMaxThreadsPerBlock:
        *value = 1024;
        return cudaSuccess;
      case cudaDevAttrMaxThreadsPerMultiProcessor:
        *value = 2048;
        return cudaSuccess;
      case cudaDevAttrSingleToDoublePrecisionPerfRatio:
        *value = 2;
        return cudaSuccess;
      case cudaDevAttrL2CacheSize:
        *value = 50 << 20;
        return cudaSuccess;
      case cudaDevAttrClockRate:
        *value = 1980000;
        return cudaSuccess;
      case cudaDevAttrMemoryClockRate:
        *value = 3201000;
        return cudaSuccess;
      case cudaDevAttrGlobalMemoryBusWidth:
        *value = 6144;
        return cudaSuccess;
      case cudaDevAttrPciBusId:
        *value = device + 1;
        return cudaSuccess;
      case cudaDevAttrAsyncEngineCount:
        *value = 3;
        return cudaSuccess;
      case cudaDevAttrUnifiedAddressing:
      case cudaDevAttrConcurrentKernels:
      case cudaDevAttrEccEnabled:
        *value = 1;
        return cudaSuccess;
      case cudaDevAttrComputeMode:
      case cudaDevAttrIntegrated:
      case cudaDevAttrPciDeviceId:
      case cudaDevAttrPciDomainId:
        *value = 0;
        return cudaSuccess;
      default:
        violation("cudaDeviceGetAttribute %d is unknown here", attribute);
        return cudaErrorInvalidValue;
    }
  });
}

cudaError_t cudaDeviceGetPCIBusId(char* text, int length, int device) {
  return api("cudaDeviceGetPCIBusId", cudaErrorUnknown, [&] {
    if (!is_device(device)) {
      return cudaErrorInvalidDevice;
    }
    static_cast<void>(std::snprintf(text, static_cast<std::size_t>(length), "0000:%02x:00.0", device + 1));
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return api_of(device, "cudaSetDevice", cudaErrorUnknown, [&] {
    if (!is_device(device)) {
      return cudaErrorInvalidDevice;
    }
    set_current_device(device);
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return api("cudaGetDevice", cudaErrorUnknown, [&] {
    *device = current_device();
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return api("cudaDeviceSynchronize", cudaErrorUnknown, [] { return await_device(current_device()); });
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  return api("cudaMemGetInfo", cudaErrorUnknown, [&] {
    *total = options().memory;
    const std::size_t used = used_bytes(current_device()) + options().memory_in_use;
    *free = used < *total ? *total - used : 0;
    return cudaSuccess;
  });
}

cudaError_t cudaGetLastError() {
  const std::lock_guard lock(mutex());
  const cudaError_t error = last_error();
  forget_last_error();
  return error;
}

cudaError_t cudaPeekAtLastError() {
  const std::lock_guard lock(mutex());
  return last_error();
}

const char* cudaGetErrorString(cudaError_t error) { return error_text(error); }

const char* cudaGetErrorName(cudaError_t error) { return error_name(error); }

cudaError_t cudaDriverGetVersion(int* version) {
  const std::lock_guard lock(mutex());
  const Driver driver = options().driver;
  *version = driver == Driver::ok ? CUDART_VERSION : driver == Driver::old ? old_driver : 0;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
