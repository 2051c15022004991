#include "collapscope/core/stop.hpp"

#include <fmt/format.h>
#include <signal.h>

namespace collapscope {

std::string StopRequest::by_whom() const {
  switch (const int signal = signal_.load(std::memory_order_relaxed)) {
    case 0:
      return wanted() ? "--max-time" : "";
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    case SIGHUP:
      return "SIGHUP";
    case SIGUSR1:
      return "SIGUSR1";
    case SIGUSR2:
      return "SIGUSR2";
    case SIGXCPU:
      return "SIGXCPU";
    default:
      return fmt::format("signal {}", signal);
  }
}

void StopRequest::check() const {
  if (wanted()) {
    throw Stopped("stopped by " + by_whom());
  }
}

}  // namespace collapscope
