// Copies and fills between the memories of devices and host, as work of a stream.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace fake_cuda {

// height rows of `width` bytes; a plain copy is one row.
struct Copy {
  void* to = nullptr;
  std::size_t to_pitch = 0;
  const void* from = nullptr;
  std::size_t from_pitch = 0;
  std::size_t width = 0;
  std::size_t height = 1;
  cudaMemcpyKind kind = cudaMemcpyDefault;
  const char* call = "";
};

// `wait`: as the calls without Async.
cudaError_t enqueue_copy(const Copy& copy, cudaStream_t stream, bool wait);
cudaError_t enqueue_fill(void* to, int value, std::size_t bytes, cudaStream_t stream, bool wait,
                         const char* call);

}  // namespace fake_cuda
