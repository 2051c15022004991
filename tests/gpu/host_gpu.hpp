// A GPU that is none: the CPU behind GpuDevice, with failures on demand.
#pragma once

#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "collapscope/core/error.hpp"
#include "gpu/gpu_device.hpp"

namespace collapscope::test {

// What the devices of a test have in common; any thread may use them.
struct HostGpuState {
  std::size_t calls = 0;            // of all members that may fail
  std::size_t fails_at = 0;         // the call that throws, counted from 1; 0: none
  bool out_of_memory = false;       // what it throws: DeviceMemoryError, else DeviceError
  bool lost = false;                // a DeviceError was thrown: any later call is a mistake
  std::size_t calls_when_lost = 0;  // such mistakes
  std::atomic<bool> was_called = false;
  HostGpuState* waits_for = nullptr;  // its first call takes until this one was called, too
  std::atomic<std::size_t> decompositions = 0;
  std::atomic<std::size_t> looks_again = 0;
  std::size_t spares = 0;  // how often it can do with less memory
  bool keeps = false;      // rows for the second look, up to
  std::uint64_t most_kept = std::numeric_limits<std::uint64_t>::max();  // bytes
  std::string description = "fake:0 a GPU that is none";
  std::function<std::optional<Eigenbasis>(Eigenbasis)> falsify = [](Eigenbasis basis) { return basis; };

  void call();

 private:
  std::mutex mutex_;  // of the counts of calls
};

[[nodiscard]] std::unique_ptr<gpu::GpuDevice> make_host_gpu(HostGpuState& state);

// `count` of them as a backend.
[[nodiscard]] std::unique_ptr<Backend> make_host_gpus(std::size_t count, HostGpuState& state);

}  // namespace collapscope::test
