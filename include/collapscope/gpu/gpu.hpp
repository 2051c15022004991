// Choosing where to compute. The GPU module is loaded when a GPU is wanted, and only then.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "collapscope/backend/backend.hpp"

namespace collapscope {

struct ChosenBackend {
  std::unique_ptr<Backend> backend;
  std::string note;  // why a GPU is not used although one was asked for or seems to be there; else empty
};

// The backend for `device`: "cpu"; "cuda" (the GPU of this process's rank on its node), "cuda:N", "cuda:all";
// "auto": a GPU if there is one that works. Without a GPU that works, the CPU backend and a note.
// threads: as of make_cpu_backend. Throws UsageError: no such name, or no such GPU beside others.
[[nodiscard]] ChosenBackend make_backend(const std::string& device, std::size_t threads);

// The GPUs of this machine, a line each, or why there are none to use.
[[nodiscard]] std::string describe_gpus();

// Whether a GPU was given up because it did not answer within COLLAPSCOPE_DEVICE_TIMEOUT. What CUDA libraries
// do at the end of a process may then wait for it for ever: leave by std::quick_exit, when all is written.
[[nodiscard]] bool gpu_was_abandoned();

}  // namespace collapscope
