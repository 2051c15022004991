// Asking an analysis to stop before its end.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>

#include "collapscope/core/error.hpp"

namespace collapscope {

// Thrown by work that was asked to stop.
class Stopped : public Error {
 public:
  using Error::Error;
};

// May be asked by a signal handler, and by time.
class StopRequest {
 public:
  // signal: its number, not 0.
  void by_signal(int signal) noexcept { signal_.store(signal, std::memory_order_relaxed); }
  void at(std::chrono::steady_clock::time_point deadline) { deadline_ = deadline; }

  [[nodiscard]] bool wanted() const {
    return signal_.load(std::memory_order_relaxed) != 0 ||
           (deadline_ && std::chrono::steady_clock::now() >= *deadline_);
  }
  // 0: none.
  [[nodiscard]] int signal() const { return signal_.load(std::memory_order_relaxed); }
  // "SIGTERM", "--max-time"; empty: nobody wants it.
  [[nodiscard]] std::string by_whom() const;
  // Throws Stopped when it is wanted.
  void check() const;

 private:
  std::atomic<int> signal_{0};
  std::optional<std::chrono::steady_clock::time_point> deadline_;
};

}  // namespace collapscope
