#include "cuda/call.hpp"

#include <fmt/format.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <system_error>

#include "collapscope/core/error.hpp"

namespace collapscope::cuda {

namespace {

using Clock = std::chrono::steady_clock;

struct UnderWay {
  std::mutex mutex;
  Call* first = nullptr;
};

// Never destroyed: destructors of others make calls, too.
UnderWay& under_way() {
  static auto& instance = *new UnderWay;
  return instance;
}

thread_local int device_of_thread = -1;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Without the C library's buffers, whose locks somebody may hold.
[[noreturn]] void end_process(const char* call, int device, double seconds) {
  std::array<char, 256> line{};
  const auto end = fmt::format_to_n(
      line.data(), line.size() - 1,
      "collapscope: cuda:{}: {} has not returned for {:.3g} s (COLLAPSCOPE_DEVICE_TIMEOUT); ending\n", device,
      call, seconds);
  (void)!::write(STDERR_FILENO, line.data(), static_cast<std::size_t>(end.out - line.data()));
  std::quick_exit(EX_TEMPFAIL);
}

}  // namespace

Call::Call(const char* name, double patience) noexcept
    : name_(name), device_(device_of_thread), patience_(patience), begin_(Clock::now()) {
  UnderWay& calls = under_way();
  const std::lock_guard lock(calls.mutex);
  next_ = calls.first;
  if (next_ != nullptr) {
    next_->previous_ = this;
  }
  calls.first = this;
}

Call::~Call() {
  UnderWay& calls = under_way();
  const std::lock_guard lock(calls.mutex);
  (previous_ == nullptr ? calls.first : previous_->next_) = next_;
  if (next_ != nullptr) {
    next_->previous_ = previous_;
  }
}

void calls_are_for(int device) noexcept { device_of_thread = device; }

Watchdog::Watchdog(double limit) : limit_(limit) {
  if (limit_ > 0) {
    try {
      thread_ = std::thread([this] { watch(); });
    } catch (const std::system_error& error) {
      throw DeviceError(fmt::format("no thread to watch over a GPU: {}", error.what()));
    }
  }
}

Watchdog::~Watchdog() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    stopped_.notify_one();
    thread_.join();
  }
}

void Watchdog::watch() {
  const std::chrono::duration<double> pause(std::clamp(limit_ / 8, 0.01, 1.0));
  std::unique_lock lock(mutex_);
  Clock::time_point before = Clock::now();
  while (!stopped_.wait_for(lock, pause, [this] { return stop_; })) {
    look(seconds_since(before) > limit_ / 2 + pause.count());
    before = Clock::now();
  }
}

void Watchdog::look(bool was_stopped) const {
  UnderWay& calls = under_way();
  const std::lock_guard lock(calls.mutex);
  for (Call* call = calls.first; call != nullptr; call = call->next_) {
    if (was_stopped) {
      call->begin_ = Clock::now();
    }
    const double seconds = seconds_since(call->begin_);
    if (seconds > limit_ * call->patience_) {
      end_process(call->name_, call->device_, seconds);
    }
  }
}

}  // namespace collapscope::cuda
