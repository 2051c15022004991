// How every call into the fake begins and ends: one lock, the count of calls, the failures that were asked
// for, the error state.
#pragma once

#include <cuda_runtime_api.h>

#include <mutex>

#include "streams.hpp"

namespace fake_cuda {

std::recursive_mutex& mutex();

enum class Verdict {
  proceed,
  fail,      // this call was chosen to fail
  dead,      // a sticky error has happened, to all or to this device
  unusable,  // no driver or no device
};
// Of this thread.
int current_device();
void set_current_device(int device);

// What belongs to a device is given back while that device is current: a rule of ours, not of CUDA. A device
// that is lost cannot be made current, and one whose selection was made to fail was not.
void expect_current(const char* call, const char* what, int device);

// Counts the call, which concerns `device`.
Verdict admit(const char* call, int device);
// Lets the device do what the schedule wants done now.
void settle();

// Asynchronous errors: raised by device work, seen by every later call that concerns `device`.
constexpr int all_devices = -1;
void raise(cudaError_t error, int device);
cudaError_t sticky_error(int device);
// The error of a machine that has no usable device.
cudaError_t machine_error();
// The error of an injected failure, `fitting` unless FAKE_CUDA_FAIL_ERROR names another.
cudaError_t chosen_error(cudaError_t fitting);

// The last error that a call of this thread returned. A sticky one is not forgotten.
cudaError_t remember(cudaError_t error);
cudaError_t last_error();
void forget_last_error();
void forget_errors();
// With FAKE_CUDA_STALE_ERRORS: what a library tried in vain, and did not tell.
void leave_stale_error();

inline cudaError_t error_of(Verdict verdict, cudaError_t fitting, int device) {
  switch (verdict) {
    case Verdict::fail:
      return chosen_error(fitting);
    case Verdict::dead:
      return sticky_error(device);
    case Verdict::unusable:
      return machine_error();
    default:
      return cudaSuccess;
  }
}

// A call of the CUDA runtime; `fitting` is what it says when it is chosen to fail.
template <class Body>
cudaError_t api_of(int device, const char* call, cudaError_t fitting, Body&& body) {
  const std::lock_guard lock(mutex());
  cudaError_t error = error_of(admit(call, device), fitting, device);
  if (error == cudaSuccess) {
    error = body();
    settle();
  }
  return remember(error);
}

template <class Body>
cudaError_t api(const char* call, cudaError_t fitting, Body&& body) {
  return api_of(current_device(), call, fitting, body);
}

// A call that gives something back: it does so even when it says it failed, as CUDA does with the errors of
// earlier work.
template <class Body>
cudaError_t release_api(const char* call, Body&& body) {
  const std::lock_guard lock(mutex());
  const Verdict verdict = admit(call, current_device());
  const cudaError_t error = body();
  return remember(verdict == Verdict::proceed ? error
                                              : error_of(verdict, cudaErrorUnknown, current_device()));
}

// As these two for a library with a status type of its own.
template <class Status, class Body>
Status library_call(const char* call, Status failed, Status dead, Body&& body) {
  const std::lock_guard lock(mutex());
  const Verdict verdict = admit(call, current_device());
  if (verdict != Verdict::proceed) {
    return verdict == Verdict::fail ? failed : dead;
  }
  const Status status = body();
  settle();
  leave_stale_error();
  return status;
}

// Destroying a handle waits for the device.
template <class Status, class Body>
Status library_release(const char* call, Status failed, Body&& body) {
  const std::lock_guard lock(mutex());
  const Verdict verdict = admit(call, current_device());
  block_if_it_hangs();
  const Status status = body();
  return verdict == Verdict::fail ? failed : status;
}

}  // namespace fake_cuda
