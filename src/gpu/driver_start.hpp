// A GPU's context, while the module and CUDA's libraries are loaded: a tenth of a second each.
#pragma once

#include <functional>
#include <future>
#include <thread>

namespace collapscope::gpu {

class DriverStart {
 public:
  // Returns when the driver is up, or after some seconds. The context comes up on another thread.
  // choose: of so many GPUs, 1 or more, the one that will be opened. What fails here fails again where the
  // GPU is opened, and is told there. Without a driver nothing happens.
  explicit DriverStart(std::function<int(int count)> choose);
  // Waits. Whoever opened the GPU keeps the context.
  ~DriverStart();
  DriverStart(const DriverStart&) = delete;
  DriverStart& operator=(const DriverStart&) = delete;

 private:
  void start();

  std::function<int(int)> choose_;
  std::function<void()> release_;
  std::promise<void> driver_is_up_;
  std::thread thread_;
};

}  // namespace collapscope::gpu
