#include "runtime.hpp"

#include <algorithm>
#include <map>
#include <thread>

#include "errors.hpp"
#include "ledger.hpp"
#include "options.hpp"
#include "sites.hpp"
#include "streams.hpp"

namespace fake_cuda {

namespace {

// By device, or of all of them.
std::map<int, cudaError_t>& raised() {
  static auto& instance = *new std::map<int, cudaError_t>;
  return instance;
}

long restarts = 0;

// What the runtime knows of a thread; it forgets what was before a restart.
struct ThreadState {
  long since = 0;
  cudaError_t last = cudaSuccess;
  int device = 0;
};

ThreadState& this_thread() {
  thread_local ThreadState state;
  const std::lock_guard lock(mutex());
  if (state.since != restarts) {
    state = {restarts};
  }
  return state;
}

bool is_chosen(long call) {
  const Options& o = options();
  return o.fail_at > 0 && o.fail_kind != FailKind::sticky && o.fail_kind != FailKind::lost &&
         (call == o.fail_at || (call > o.fail_at && o.fail_kind == FailKind::forever));
}

}  // namespace

std::recursive_mutex& mutex() {
  static auto& instance = *new std::recursive_mutex;
  return instance;
}

void expect_current(const char* call, const char* what, int device) {
  const auto& failed = ledger().injected;
  if (device != current_device() && sticky_error(device) == cudaSuccess &&
      std::find(failed.begin(), failed.end(), "cudaSetDevice") == failed.end()) {
    violation("%s: the %s is of device %d, but device %d is current", call, what, device, current_device());
  }
}

Verdict admit(const char* call, int device) {
  Ledger& l = ledger();
  ++l.calls;
  ++l.of_call[call];
  l.threads.insert(std::this_thread::get_id());
  if (options().sites) {
    l.call_sites.push_back(site_of(call));
  }
  trace(std::to_string(l.calls) + " " + call);
  if (options().hang_kind == HangKind::calls) {
    block_if_it_hangs();
  }
  if (machine_error() != cudaSuccess) {
    return Verdict::unusable;
  }
  if (sticky_error(device) != cudaSuccess) {
    return Verdict::dead;
  }
  if (is_chosen(l.calls)) {
    l.injected.emplace_back(call);
    trace("  fails on purpose");
    return Verdict::fail;
  }
  return Verdict::proceed;
}

void raise(cudaError_t error, int device) {
  raised()[device] = error;
  trace(std::string("  sticky ") + error_name(error));
}

cudaError_t sticky_error(int device) {
  for (const int concerned : {all_devices, device}) {
    if (const auto found = raised().find(concerned); found != raised().end()) {
      return found->second;
    }
  }
  return cudaSuccess;
}

cudaError_t machine_error() {
  if (options().driver != Driver::ok) {
    return cudaErrorInsufficientDriver;
  }
  return options().devices == 0 ? cudaErrorNoDevice : cudaSuccess;
}

cudaError_t chosen_error(cudaError_t fitting) {
  return options().fail_error == 0 ? fitting : static_cast<cudaError_t>(options().fail_error);
}

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess) {
    this_thread().last = error;
  }
  return error;
}

void leave_stale_error() {
  if (options().stale_errors) {
    remember(cudaErrorInvalidValue);
  }
}

cudaError_t last_error() { return this_thread().last; }

void forget_last_error() {
  if (this_thread().last != sticky_error(current_device())) {
    this_thread().last = cudaSuccess;
  }
}

void forget_errors() {
  raised().clear();
  ++restarts;
}

int current_device() { return this_thread().device; }

void set_current_device(int device) { this_thread().device = device; }

}  // namespace fake_cuda
