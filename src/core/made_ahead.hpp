// Values that a thread of their own makes ahead of whoever takes them, in order: it goes on by itself,
// without being asked for each, as long as there is room.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace collapscope {

template <class Value>
class MadeAhead {
 public:
  // make(0), make(1) ... make(count - 1), at most `room` of which have been made and not given back. Where
  // the system gives no thread, they are made when they are taken.
  MadeAhead(std::uint64_t count, std::uint64_t room, std::function<Value(std::uint64_t)> make)
      : count_(count), room_(room), make_(std::move(make)) {
    try {
      thread_ = std::thread([this] { work(); });
    } catch (const std::system_error&) {
      // `take` makes them.
    }
  }
  ~MadeAhead() {
    if (thread_.joinable()) {
      change([this] { ends_ = true; });
      thread_.join();
    }
  }
  MadeAhead(const MadeAhead&) = delete;
  MadeAhead& operator=(const MadeAhead&) = delete;

  // The next one, `count` times at most. Throws what making it threw; then there are no more.
  [[nodiscard]] Value take() {
    if (!thread_.joinable()) {
      return make_(taken_++);
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !made_.empty() || failure_ != nullptr; });
    if (made_.empty()) {
      std::rethrow_exception(failure_);
    }
    Value value = std::move(made_.front());
    made_.pop_front();
    return value;
  }
  // One that was taken is no more needed.
  void give_back() {
    change([this] { ++given_back_; });
  }

 private:
  template <class Change>
  void change(const Change& change) {
    {
      const std::lock_guard lock(mutex_);
      change();
    }
    changed_.notify_all();
  }

  [[nodiscard]] bool has_room_for(std::uint64_t number) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ends_ || number < given_back_ + room_; });
    return !ends_;
  }

  void work() {
    try {
      for (std::uint64_t number = 0; number < count_ && has_room_for(number); ++number) {
        Value value = make_(number);
        change([&] { made_.push_back(std::move(value)); });
      }
    } catch (...) {
      change([this] { failure_ = std::current_exception(); });
    }
  }

  std::uint64_t count_;
  std::uint64_t room_;
  std::function<Value(std::uint64_t)> make_;
  std::uint64_t taken_ = 0;  // without a thread
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Value> made_;
  std::exception_ptr failure_;
  std::uint64_t given_back_ = 0;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace collapscope
