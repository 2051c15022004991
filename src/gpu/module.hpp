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

  // Whether there is such a file, which may not be loadable.
  [[nodiscard]] static bool is_there();

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

// Takes the variables that make CUDA's libraries compute with less than they are asked for (TF32, emulated
// products) out of the environment of this process: before they are loaded, and before a device is opened.
void ignore_arithmetic_of_environment();
// Those that it found: ", NVIDIA_TF32_OVERRIDE ignored"; empty: none.
[[nodiscard]] std::string ignored_arithmetic();

// libcuda.so.1, loaded for the life of the process; null: there is none. Cheap, and loads no CUDA library.
[[nodiscard]] void* driver_library();
[[nodiscard]] inline bool has_driver() { return driver_library() != nullptr; }

}  // namespace collapscope::gpu
