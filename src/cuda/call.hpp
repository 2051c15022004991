// A call of the CUDA libraries: its answer is checked, and somebody looks after calls that do not return.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "cuda/errors.hpp"

namespace collapscope::cuda {

// Made before the call is, gone when the statement ends:
//   Call("cudaMalloc").check(cudaMalloc(&data, bytes));
// What stands before the dot is evaluated first.
class Call {
 public:
  // patience: how many time limits it may take. `name` must live as long as this.
  explicit Call(const char* name, double patience = 1) noexcept;
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // As cuda::check.
  template <class Status>
  void check(Status status) const {
    cuda::check(status, name_);
  }
  template <class Status>
  [[nodiscard]] Status answer(Status status) const noexcept {
    return status;
  }
  // Of a call that gives something back.
  template <class Status>
  void ignore(Status /*status*/) const noexcept {}

 private:
  friend class Watchdog;
  const char* name_;
  int device_;
  double patience_;
  std::chrono::steady_clock::time_point begin_;
  Call* previous_ = nullptr;  // of those under way
  Call* next_ = nullptr;
};

// The device that this thread's calls are meant for, to be named by the watchdog.
void calls_are_for(int device) noexcept;

// Ends the process, with a line and status 75 (sysexits.h: try again), when a call does not return in time:
// nobody can take it back. A thread, for as long as this lives.
class Watchdog {
 public:
  // limit [s]; 0: there is no thread.
  explicit Watchdog(double limit);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void watch();
  // was_stopped: the whole process was (SIGSTOP), so that calls under way have their time again.
  void look(bool was_stopped) const;

  double limit_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace collapscope::cuda
