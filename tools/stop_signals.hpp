// Signals that ask an analysis to stop: SIGTERM, SIGINT, SIGUSR1. The second one of a kind ends the program.
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
