// A GPU that is open, once or several times, and whether it is lost.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "collapscope/core/error.hpp"
#include "gpu/gpu_device.hpp"
#include "linalg/blas.hpp"

namespace collapscope::gpu {

// Set once, by any thread.
class Loss {
 public:
  [[nodiscard]] bool has_happened() const { return happened_; }
  // What failed first; empty: nothing.
  [[nodiscard]] std::string reason() const {
    const std::lock_guard lock(mutex_);
    return reason_;
  }
  void happens(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    if (reason_.empty()) {
      reason_ = reason;
    }
    happened_ = true;
  }

 private:
  mutable std::mutex mutex_;
  std::string reason_;
  std::atomic<bool> happened_ = false;
};

using Lost = std::shared_ptr<Loss>;  // of all who use the GPU

struct OpenGpu {
  OpenGpu(std::unique_ptr<GpuDevice> gpu, Lost flag = std::make_shared<Loss>())
      : device(std::move(gpu)), lost(std::move(flag)) {
    device->share_host_work(linalg::share);
  }
  std::shared_ptr<GpuDevice> device;
  Lost lost;
};

// work(), after whose failure the GPU is lost, unless it merely had too little memory.
template <class Work>
auto watched(const Lost& lost, const Work& work) {
  try {
    return work();
  } catch (const DeviceMemoryError&) {
    throw;
  } catch (const DeviceError& error) {
    lost->happens(error.what());
    throw;
  }
}

}  // namespace collapscope::gpu
