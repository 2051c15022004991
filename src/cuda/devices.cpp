// What GPUs there are, as the CUDA runtime sees them. Part of the module that the program loads on demand.
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>

namespace {

std::string describe_devices() {
  int count = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess) {
    return fmt::format("no usable GPU ({})", cudaGetErrorString(error));
  }
  std::string text;
  for (int device = 0; device < count; ++device) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, device) == cudaSuccess) {
      text += fmt::format("{}cuda:{} {}, {:.0f} GiB, sm_{}{}", text.empty() ? "" : "; ", device,
                          properties.name, static_cast<double>(properties.totalGlobalMem) / 0x1p30,
                          properties.major, properties.minor);
    }
  }
  return text.empty() ? "no GPU" : text;
}

}  // namespace

// The interface of the module: fills `text` with at most size - 1 bytes and a final 0.
extern "C" void collapscope_cuda_describe(char* text, std::size_t size) {
  const std::string description = describe_devices();
  const std::size_t length = std::min(description.size(), size - 1);
  std::memcpy(text, description.data(), length);
  text[length] = '\0';
}
