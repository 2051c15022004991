// libcuda: only what a program asks that wants to know whether there is a driver, and contexts, which are
// counted.
#include <cuda.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <string>

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

int devices() {
  const std::string count = variable("FAKE_CUDA_DEVICES");
  return count.empty() ? 1 : std::atoi(count.c_str());
}

struct Contexts {
  std::atomic<long> retained = 0;
  std::atomic<long> released = 0;
};
std::array<Contexts, 16> contexts;  // of devices

}  // namespace

// How often a device's context was retained, and how often it was released.
extern "C" long fake_cuda_retained(int device) {
  return contexts.at(static_cast<std::size_t>(device)).retained;
}
extern "C" long fake_cuda_released(int device) {
  return contexts.at(static_cast<std::size_t>(device)).released;
}

CUresult cuInit(unsigned /*flags*/) {
  if (variable("FAKE_CUDA_DRIVER") == "none") {
    return CUDA_ERROR_SYSTEM_DRIVER_MISMATCH;
  }
  return devices() == 0 ? CUDA_ERROR_NO_DEVICE : CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int* count) {
  *count = devices();
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice* device, int number) {
  *device = number;
  return 0 <= number && number < devices() ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  Contexts& of_device = contexts.at(static_cast<std::size_t>(device));
  ++of_device.retained;
  *context = reinterpret_cast<CUcontext>(&of_device);
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease(CUdevice device) {
  ++contexts.at(static_cast<std::size_t>(device)).released;
  return CUDA_SUCCESS;
}
