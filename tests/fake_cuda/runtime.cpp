#include "runtime.hpp"

#include "errors.hpp"
#include "ledger.hpp"
#include "options.hpp"
#include "streams.hpp"

namespace fake_cuda {

namespace {

cudaError_t& raised() {
  static cudaError_t error = cudaSuccess;
  return error;
}

thread_local cudaError_t last = cudaSuccess;
thread_local int device_of_thread = 0;

bool is_chosen(long call) {
  const Options& o = options();
  return o.fail_at > 0 && o.fail_kind != FailKind::sticky &&
         (call == o.fail_at || (call > o.fail_at && o.fail_kind == FailKind::forever));
}

}  // namespace

std::recursive_mutex& mutex() {
  static auto& instance = *new std::recursive_mutex;
  return instance;
}

Verdict admit(const char* call) {
  Ledger& l = ledger();
  ++l.calls;
  ++l.of_call[call];
  trace(std::to_string(l.calls) + " " + call);
  if (options().hang_kind == HangKind::calls) {
    block_if_it_hangs();
  }
  if (machine_error() != cudaSuccess) {
    return Verdict::unusable;
  }
  if (raised() != cudaSuccess) {
    return Verdict::dead;
  }
  if (is_chosen(l.calls)) {
    l.injected.emplace_back(call);
    trace("  fails on purpose");
    return Verdict::fail;
  }
  return Verdict::proceed;
}

void raise(cudaError_t error) {
  raised() = error;
  trace(std::string("  sticky ") + error_name(error));
}

cudaError_t sticky_error() { return raised(); }

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
    last = error;
  }
  return error;
}

cudaError_t last_error() { return last; }

void forget_last_error() {
  if (last != raised()) {
    last = cudaSuccess;
  }
}

void forget_errors() {
  raised() = cudaSuccess;
  last = cudaSuccess;
  device_of_thread = 0;
}

int current_device() { return device_of_thread; }

void set_current_device(int device) { device_of_thread = device; }

}  // namespace fake_cuda
