// Choosing where to compute. The GPU module is loaded when a GPU is wanted, and only then.
#pragma once

#include <cstddef>
#include <future>
#include <limits>
#include <memory>
#include <string>

#include "collapscope/backend/backend.hpp"

namespace collapscope {

struct ChosenBackend {
  std::unique_ptr<Backend> backend;
  std::string note;                // "auto": why the CPU is used although a GPU seems to be there; else empty
  std::string reason;              // why the CPU is used, also where nobody would have expected anything else
  std::size_t threads_wanted = 0;  // where the system gives fewer; else 0

  // A line on threads that the system does not give; empty: it gives all.
  [[nodiscard]] std::string few_threads() const;
};

// The backend for `device`: "cpu"; "cuda" (the GPU of this process's rank on its node), "cuda:N", "cuda:all";
// "auto": a GPU if there is one that works, and if the work is worth starting it.
// threads: as of make_cpu_backend. cpu_seconds: what the work takes one core, about.
// Throws UsageError: no such name, or no such GPU beside others; DeviceError: "cuda..." without a GPU that
// works. With "cuda..." the CPU takes over from no GPU that fails later either.
[[nodiscard]] ChosenBackend make_backend(const std::string& device, std::size_t threads,
                                         double cpu_seconds = std::numeric_limits<double>::infinity());

// make_backend in two steps, so that a GPU comes up while the caller finds out what there is to do.
class BackendStart {
 public:
  // least_cpu_seconds: what the work takes one core at least, as far as is known. "auto" starts a GPU now if
  // that is enough for one. beside: on a thread of its own; else when it is taken. Throws UsageError: no such
  // name.
  explicit BackendStart(std::string device, std::size_t threads, double least_cpu_seconds = 0,
                        bool beside = true);

  // To be called once. As make_backend. Without it, the end of this object waits for a GPU that was started.
  [[nodiscard]] ChosenBackend take(double cpu_seconds = std::numeric_limits<double>::infinity());

 private:
  [[nodiscard]] ChosenBackend take_any(double cpu_seconds);
  [[nodiscard]] ChosenBackend take_automatically(double cpu_seconds);

  std::string device_;
  std::string which_;  // GPU
  std::size_t threads_;
  std::future<std::unique_ptr<Backend>> opening_;
};

// The GPUs of this machine, a line each, or why there are none to use.
[[nodiscard]] std::string describe_gpus();

// Whether a GPU was given up because it did not answer within COLLAPSCOPE_DEVICE_TIMEOUT. What CUDA libraries
// do at the end of a process may then wait for it for ever: leave by std::quick_exit, when all is written.
[[nodiscard]] bool gpu_was_abandoned();

}  // namespace collapscope
