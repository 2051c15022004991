// A GPU's context, while the module and CUDA's libraries are loaded: a tenth of a second each.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <thread>

namespace collapscope::gpu {

class DriverStart {
 public:
  // Returns when the driver is up, or after some seconds. The context comes up on another thread.
  // choose: of so many GPUs, 1 or more, the one that will be opened. What fails here fails again where the
  // GPU is opened, and is told there. Without a driver nothing happens.
  explicit DriverStart(std::function<int(int count)> choose);
  // Waits as long at most. Whoever opened the GPU keeps the context.
  ~DriverStart();
  DriverStart(const DriverStart&) = delete;
  DriverStart& operator=(const DriverStart&) = delete;

 private:
  struct State;  // of a thread that nobody may wait for
  static void start(State& state);

  std::shared_ptr<State> state_;
  std::future<void> done_;
  std::thread thread_;
};

}  // namespace collapscope::gpu
