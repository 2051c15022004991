// Signals that ask an analysis to stop: SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU. The second SIGINT
// ends the program. The others may come several times: Slurm sends SIGTERM to a task, and srun passes its own
// on to it.
#pragma once

#include "collapscope/core/stop.hpp"

namespace collapscope::tools {

// While it exists; one at a time.
class StopSignals {
 public:
  explicit StopSignals(StopRequest& request);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  StopSignals(StopSignals&&) = delete;
  StopSignals& operator=(StopSignals&&) = delete;
};

}  // namespace collapscope::tools
