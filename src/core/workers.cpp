#include "core/workers.hpp"

#include <csignal>

#include <algorithm>
#include <atomic>
#include <exception>
#include <system_error>

namespace collapscope {

namespace {

constexpr std::size_t most_threads = 256;

// Signals go to the threads of the program and not to ours, which inherit this mask; but for those that a
// thread causes itself, which end the process where they are blocked.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
      sigdelset(&all, own);
    }
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  SignalsBlocked(SignalsBlocked&&) = delete;
  SignalsBlocked& operator=(SignalsBlocked&&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

// One run(). Its counts of helpers are guarded by the mutex of Workers.
class Workers::Batch {
 public:
  Batch(std::size_t tasks, std::size_t helpers, const Task& task)
      : wanted_(helpers), tasks_(tasks), failed_task_(tasks), task_(task) {}

  void work(std::size_t slot) {
    while (!failed_.load(std::memory_order_relaxed)) {
      const std::size_t task = next_.fetch_add(1, std::memory_order_relaxed);
      if (task >= tasks_) {
        return;
      }
      try {
        task_(task, slot);
      } catch (...) {
        keep_failure(task);
      }
    }
  }

  [[nodiscard]] bool wants_helpers() const {
    return wanted_ > 0 && next_.load(std::memory_order_relaxed) < tasks_;
  }
  std::size_t enter() {
    --wanted_;
    ++helpers_;
    return ++slots_;
  }
  void leave() { --helpers_; }
  [[nodiscard]] std::size_t at_work() const { return helpers_; }

  void rethrow() const {
    if (failure_) {
      std::rethrow_exception(failure_);
    }
  }

 private:
  void keep_failure(std::size_t task) {
    const std::lock_guard lock(failure_mutex_);
    if (task < failed_task_) {
      failed_task_ = task;
      failure_ = std::current_exception();
    }
    failed_ = true;
  }

  std::size_t wanted_;                   // more helpers
  std::atomic<std::size_t> helpers_{0};  // at work
  std::size_t slots_ = 0;                // given to helpers; the caller's is 0

  std::size_t tasks_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex failure_mutex_;
  std::size_t failed_task_;
  std::exception_ptr failure_;
  const Task& task_;
};

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
    ++posts_;
  }
  wanted_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

std::shared_ptr<Workers> Workers::shared() {
  static std::mutex mutex;
  static std::weak_ptr<Workers> known;
  const std::lock_guard lock(mutex);
  std::shared_ptr<Workers> workers = known.lock();
  if (!workers) {
    workers = std::make_shared<Workers>();
    known = workers;
  }
  return workers;
}

void Workers::run(std::size_t threads, std::size_t tasks, const Task& task) {
  const std::size_t helpers = std::min({threads, tasks, most_threads});
  if (helpers <= 1) {
    for (std::size_t i = 0; i < tasks; ++i) {
      task(i, 0);
    }
    return;
  }
  Batch batch(tasks, helpers - 1, task);
  std::unique_lock lock(mutex_);
  ensure(helpers - 1);
  const auto here = batches_.insert(batches_.end(), &batch);
  ++posts_;
  lock.unlock();
  wanted_.notify_all();
  batch.work(0);
  spin_briefly([&] { return batch.at_work() == 0; });
  lock.lock();
  batches_.erase(here);
  left_.wait(lock, [&] { return batch.at_work() == 0; });
  lock.unlock();
  batch.rethrow();
}

// Where the system gives no more threads, there are fewer.
void Workers::ensure(std::size_t threads) {
  const SignalsBlocked blocked;
  try {
    while (threads_.size() < threads) {
      threads_.emplace_back([this] { serve(); });
    }
  } catch (const std::system_error&) {
    return;
  }
}

// One that wants helpers, or null. What it wants may change from call to call, as others take its tasks.
Workers::Batch* Workers::wanting() const {
  const auto found =
      std::find_if(batches_.begin(), batches_.end(), [](const Batch* b) { return b->wants_helpers(); });
  return found == batches_.end() ? nullptr : *found;
}

void Workers::serve() {
  std::unique_lock lock(mutex_);
  while (!ends_) {
    Batch* const batch = wanting();
    if (batch == nullptr) {
      sleep(lock);
      continue;
    }
    const std::size_t slot = batch->enter();
    lock.unlock();
    batch->work(slot);
    lock.lock();
    batch->leave();
    left_.notify_all();
  }
}

// Until something is posted; with open eyes at first.
void Workers::sleep(std::unique_lock<std::mutex>& lock) {
  const unsigned seen = posts_;
  lock.unlock();
  spin_briefly([&] { return posts_ != seen; });
  lock.lock();
  wanted_.wait(lock, [&] { return posts_ != seen; });
}

}  // namespace collapscope
