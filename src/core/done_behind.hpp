// Work that a thread of its own does behind whoever gives it, in order, so that nobody waits for it before
// the end.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace collapscope {

template <class Item>
class DoneBehind {
 public:
  // Where the system gives no thread, `finish` does all of it.
  explicit DoneBehind(std::function<void(const Item&)> work) : work_(std::move(work)) {
    try {
      thread_ = std::thread([this] { serve(); });
    } catch (const std::system_error&) {
      // `finish` does it.
    }
  }
  // What is not begun is left undone.
  ~DoneBehind() {
    change([this] { given_up_ = true; });
    join();
  }
  DoneBehind(const DoneBehind&) = delete;
  DoneBehind& operator=(const DoneBehind&) = delete;

  // Thrown in place of what an item before has thrown, which is no concern of whoever gives the next one.
  struct HasFailed {};

  // Throws HasFailed; nothing is begun after the item that has failed.
  void put(Item item) {
    change([&] {
      if (failure_ != nullptr) {
        throw HasFailed();
      }
      items_.push_back(std::move(item));
    });
  }
  // Returns when all items are done; no more may come. Throws what the first one to fail has thrown.
  void finish() {
    change([this] { is_last_ = true; });
    if (thread_.joinable()) {
      join();
    } else if (!given_up_) {
      serve();
    }
    given_up_ = true;
    if (failure_ != nullptr) {
      std::rethrow_exception(failure_);
    }
  }

 private:
  template <class Change>
  void change(const Change& change) {
    {
      const std::lock_guard lock(mutex_);
      change();
    }
    changed_.notify_one();
  }

  void join() {
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  void serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return given_up_ || is_last_ || !items_.empty(); });
      if (given_up_ || items_.empty()) {
        return;
      }
      const Item item = std::move(items_.front());
      items_.pop_front();
      lock.unlock();
      std::exception_ptr failure;
      try {
        work_(item);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      if (failure != nullptr) {
        failure_ = failure;
        return;
      }
    }
  }

  std::function<void(const Item&)> work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;
  std::exception_ptr failure_;
  bool is_last_ = false;
  bool given_up_ = false;
  std::thread thread_;
};

}  // namespace collapscope
