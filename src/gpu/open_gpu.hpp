// A GPU that is open, once or several times, and whether it is lost.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "collapscope/core/error.hpp"
#include "gpu/gpu_device.hpp"

namespace collapscope::gpu {

using Lost = std::shared_ptr<std::atomic<bool>>;  // of all who use the GPU

struct OpenGpu {
  OpenGpu(std::unique_ptr<GpuDevice> gpu, Lost flag = std::make_shared<std::atomic<bool>>(false))
      : device(std::move(gpu)), lost(std::move(flag)) {}
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
  } catch (const DeviceError&) {
    *lost = true;
    throw;
  }
}

}  // namespace collapscope::gpu
