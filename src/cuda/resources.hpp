// Owners of what CUDA hands out: move-only, freed without throwing. What a lost device answers to a free is
// ignored; the process ends soon or goes on without it. Once a device is abandoned, nothing is freed any
// more.
#pragma once

#include <cstddef>
#include <memory>

#include "cuda/call.hpp"
#include "cuda/memory_pool.hpp"
#include "cuda/time_limit.hpp"

namespace collapscope::cuda {

template <class Free>
void give_back(const char* call, const Free& free) noexcept {
  if (!is_abandoned()) {
    Call(call).ignore(free());
  }
}

struct Release {
  void operator()(cudaStream_t stream) const noexcept {
    give_back("cudaStreamDestroy", [=] { return cudaStreamDestroy(stream); });
  }
  void operator()(cudaEvent_t event) const noexcept {
    give_back("cudaEventDestroy", [=] { return cudaEventDestroy(event); });
  }
  void operator()(cublasHandle_t handle) const noexcept {
    give_back("cublasDestroy", [=] { return cublasDestroy(handle); });
  }
  void operator()(cusolverDnHandle_t handle) const noexcept {
    give_back("cusolverDnDestroy", [=] { return cusolverDnDestroy(handle); });
  }
  void operator()(cusolverDnParams_t params) const noexcept {
    give_back("cusolverDnDestroyParams", [=] { return cusolverDnDestroyParams(params); });
  }
};

using Stream = std::unique_ptr<CUstream_st, Release>;
using Event = std::unique_ptr<CUevent_st, Release>;
using Blas = std::unique_ptr<cublasContext, Release>;
using Solver = std::unique_ptr<cusolverDnContext, Release>;
using SolverParams = std::unique_ptr<cusolverDnParams, Release>;

[[nodiscard]] inline Stream make_stream() {
  cudaStream_t stream = nullptr;
  Call("cudaStreamCreateWithFlags").check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return Stream(stream);
}

[[nodiscard]] inline Event make_event() {
  cudaEvent_t event = nullptr;
  Call("cudaEventCreateWithFlags").check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  return Event(event);
}

// An event for cudaEventElapsedTime.
[[nodiscard]] inline Event make_timing_event() {
  cudaEvent_t event = nullptr;
  Call("cudaEventCreateWithFlags").check(cudaEventCreateWithFlags(&event, cudaEventDefault));
  return Event(event);
}

class Device;

// Memory of the device's pool (cuda/memory_pool.hpp), and back to it. What is given back is idle once the
// device has been drained.
[[nodiscard]] void* take_memory(const Device& device, Place place, std::size_t bytes);
void give_memory(const Device& device, Place place, void* memory, std::size_t bytes) noexcept;

// `size` numbers of T, uninitialized: on the current device, or in page-locked memory of the host.
template <class T, Place place>
class Buffer {
 public:
  Buffer() = default;
  // Of the device's pool. Whoever owns it drains the device before it goes (Drained), unless nothing can be
  // under way that uses it.
  Buffer(const Device& device, std::size_t size)
      : data_(nullptr, Free{&device, size * sizeof(T)}), size_(size) {
    if (size > 0) {
      data_.reset(static_cast<T*>(take_memory(device, place, size * sizeof(T))));
    }
  }
  // Of its own.
  explicit Buffer(std::size_t size) : size_(size) {
    void* data = nullptr;
    if (size > 0 && place == Place::device) {
      Call("cudaMalloc").check(cudaMalloc(&data, size * sizeof(T)));
    } else if (size > 0) {
      Call("cudaMallocHost").check(cudaMallocHost(&data, size * sizeof(T)));
    }
    data_.reset(static_cast<T*>(data));
  }

  [[nodiscard]] T* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t bytes() const { return size_ * sizeof(T); }

 private:
  struct Free {
    const Device* device = nullptr;  // null: not of a pool
    std::size_t bytes = 0;
    void operator()(T* data) const noexcept {
      if (device != nullptr) {
        give_memory(*device, place, data, bytes);
      } else if (place == Place::device) {
        give_back("cudaFree", [=] { return cudaFree(data); });
      } else {
        give_back("cudaFreeHost", [=] { return cudaFreeHost(data); });
      }
    }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_ = 0;
};

template <class T>
using DeviceBuffer = Buffer<T, Place::device>;
template <class T>
using PinnedBuffer = Buffer<T, Place::pinned>;

}  // namespace collapscope::cuda
