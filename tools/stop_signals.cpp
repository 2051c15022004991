#include "stop_signals.hpp"

#include <array>
#include <atomic>
#include <csignal>

namespace collapscope::tools {

namespace {

constexpr std::array kinds{SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};

std::atomic<StopRequest*> current{nullptr};

void pass_on(int signal) {
  if (StopRequest* const request = current.load()) {
    request->by_signal(signal);
  }
}

}  // namespace

StopSignals::StopSignals(StopRequest& request) {
  current = &request;
  struct sigaction action {};
  action.sa_handler = pass_on;
  for (const int kind : kinds) {
    struct sigaction before {};
    ::sigaction(kind, nullptr, &before);
    action.sa_flags = SA_RESTART | (kind == SIGINT ? static_cast<int>(SA_RESETHAND) : 0);
    if (before.sa_handler != SIG_IGN) {  // as under nohup
      ::sigaction(kind, &action, nullptr);
    }
  }
}

StopSignals::~StopSignals() {
  for (const int kind : kinds) {
    struct sigaction now {};
    ::sigaction(kind, nullptr, &now);
    if (now.sa_handler == pass_on) {
      (void)::signal(kind, SIG_DFL);
    }
  }
  current = nullptr;
}

}  // namespace collapscope::tools
