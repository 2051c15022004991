#include "faults.hpp"

#include <ucontext.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>

#include "memory.hpp"
#include "options.hpp"
#include "watch.hpp"

namespace fake_cuda {

namespace {

const char* volatile work_in_progress = nullptr;

// Whether the faulting access was a write; known of x86-64 only.
bool is_write(const void* context) {
#if defined(__x86_64__)
  return (static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_ERR] & 2) != 0;
#else
  static_cast<void>(context);
  return true;
#endif
}

// Not async-signal-safe to the letter; but whoever touches fake memory is in no malloc.
void report(int signal, siginfo_t* info, void* context) {
  if (options().races && note_fault(static_cast<std::byte*>(info->si_addr), is_write(context))) {
    return;
  }
  std::signal(signal, SIG_DFL);
  if (is_fake_address(info->si_addr)) {
    char text[512];
    const char* work = work_in_progress;
    const int length = std::snprintf(text, sizeof text, "fake CUDA: %s%s touches %s\n",
                                     work == nullptr ? "the host" : "device work ",
                                     work == nullptr ? "" : work, describe_address(info->si_addr).c_str());
    static_cast<void>(!::write(STDERR_FILENO, text, static_cast<std::size_t>(length)));
  }
}

}  // namespace

void watch_faults() {
  static const bool once = [] {
    for (const int signal : {SIGSEGV, SIGBUS}) {
      struct sigaction action {};
      ::sigaction(signal, nullptr, &action);
      if ((action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_DFL) {
        action.sa_sigaction = report;
        action.sa_flags = SA_SIGINFO;
        ::sigaction(signal, &action, nullptr);
      }
    }
    return true;
  }();
  static_cast<void>(once);
}

void doing(const char* work) { work_in_progress = work; }

}  // namespace fake_cuda
