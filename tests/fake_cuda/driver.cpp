// libcuda: only what a program asks that wants to know whether there is a driver.
#include <cuda.h>

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

}  // namespace

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
