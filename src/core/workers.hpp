// The threads of this process that share out tasks: of reads, of folds, of several at once.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace collapscope {

// Several threads may run() at the same time. A caller always works itself, so a run ends even when no other
// thread has time for it. Idle threads look out for work some ten microseconds before they sleep, since runs
// often follow each other faster than a thread can be woken.
class Workers {
 public:
  // `slot` tells apart the threads at work: below `threads` of run(), one thread at a time each. Results may
  // not depend on it.
  using Task = std::function<void(std::size_t task, std::size_t slot)>;

  Workers() = default;
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  Workers(Workers&&) = delete;
  Workers& operator=(Workers&&) = delete;

  // The threads of this process: there while someone holds them.
  static std::shared_ptr<Workers> shared();

  // Runs tasks 0 to tasks - 1, begun in this order, on at most `threads` threads including the caller's. When
  // tasks throw, the rest is not begun, and the exception of the first of them in this order comes out once
  // all have ended: the same one whatever the number of threads.
  void run(std::size_t threads, std::size_t tasks, const Task& task);

 private:
  class Batch;

  void ensure(std::size_t threads);
  [[nodiscard]] Batch* wanting() const;
  void serve();
  void sleep(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable wanted_;  // a batch wants helpers, or the end has come
  std::condition_variable left_;    // a helper has left a batch
  std::list<Batch*> batches_;
  std::vector<std::thread> threads_;
  std::atomic<unsigned> posts_{0};  // batches so far, and the end
  bool ends_ = false;
};

// At most `threads` of the process's threads.
class Team {
 public:
  explicit Team(std::size_t threads) : workers_(Workers::shared()), threads_(threads == 0 ? 1 : threads) {}

  [[nodiscard]] std::size_t threads() const { return threads_; }
  void run(std::size_t tasks, const Workers::Task& task) const { workers_->run(threads_, tasks, task); }
  // On fewer threads.
  void run(std::size_t threads, std::size_t tasks, const Workers::Task& task) const {
    workers_->run(threads < threads_ ? threads : threads_, tasks, task);
  }

 private:
  std::shared_ptr<Workers> workers_;
  std::size_t threads_;
};

// Calls `done` until it is true, but only for some ten microseconds: about what it takes to wake a thread.
// Returns what it said last.
template <class Done>
bool spin_briefly(const Done& done) {
  constexpr int looks = 2000;
  for (int look = 0; look < looks; ++look) {
    if (done()) {
      return true;
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  return done();
}

}  // namespace collapscope
