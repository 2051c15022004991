#include "cpu/workers.hpp"

#include <utility>

namespace collapscope::cpu {

namespace {

// How often a helper looks for more work before it sleeps, some ten microseconds: the pieces of one tile
// follow each other faster than a thread can be woken.
constexpr int looks_before_sleep = 400;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

Workers::Workers(std::size_t threads) : threads_(threads == 0 ? 1 : threads) {}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    ++calls_;
  }
  wake_.notify_all();
  for (std::thread& helper : helpers_) {
    helper.join();
  }
}

void Workers::start() {
  for (std::size_t worker = 1; worker < threads_; ++worker) {
    helpers_.emplace_back([this, worker] { help(worker); });
  }
}

void Workers::run(std::size_t count, const Task& task) {
  if (threads_ == 1 || count <= 1) {
    for (std::size_t index = 0; index < count; ++index) {
      task(0, index);
    }
    return;
  }
  if (helpers_.empty()) {
    start();
  }
  {
    const std::lock_guard lock(mutex_);
    task_ = &task;
    count_ = count;
    next_ = 0;
    ++calls_;
  }
  wake_.notify_all();
  work(0, task, count);
  std::unique_lock lock(mutex_);
  task_ = nullptr;
  idle_.wait(lock, [this] { return active_ == 0; });
  if (failure_) {
    std::rethrow_exception(std::exchange(failure_, nullptr));
  }
}

void Workers::help(std::size_t worker) {
  unsigned seen = 0;
  while (true) {
    for (int look = 0; look < looks_before_sleep && calls_ == seen; ++look) {
      pause();
    }
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return calls_ != seen; });
    seen = calls_;
    if (stop_) {
      return;
    }
    if (task_ == nullptr) {
      continue;
    }
    const Task& task = *task_;
    const std::size_t count = count_;
    ++active_;
    lock.unlock();
    work(worker, task, count);
    lock.lock();
    if (--active_ == 0) {
      idle_.notify_one();
    }
  }
}

void Workers::work(std::size_t worker, const Task& task, std::size_t count) {
  try {
    for (std::size_t index = next_++; index < count; index = next_++) {
      task(worker, index);
    }
  } catch (...) {
    next_ = count;
    const std::lock_guard lock(mutex_);
    failure_ = failure_ ? failure_ : std::current_exception();
  }
}

}  // namespace collapscope::cpu
