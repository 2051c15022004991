// Finding and loading the GPU module.
#pragma once

#include <memory>
#include <string>

#include "gpu/gpu_device.hpp"

namespace collapscope::gpu {

// The module, loaded by the first call that finds a driver, for the life of the process.
class Module {
 public:
  // Throws DeviceError: this build has none, there is no driver, or it cannot be loaded.
  [[nodiscard]] static const Module& load();

  // At least 1. Throws DeviceError when there is no GPU that works.
  [[nodiscard]] int count() const;
  [[nodiscard]] std::unique_ptr<GpuDevice> open(int device) const;

  // As ModuleInterface says; false when no module is loaded.
  [[nodiscard]] static bool abandoned();

 private:
  Module();

  ModuleInterface::Count count_;
  ModuleInterface::Open open_;
};

// Whether a GPU driver is installed: cheap, loads no CUDA library.
[[nodiscard]] bool has_driver();

}  // namespace collapscope::gpu
