// Threads that share out numbered tasks. Results may not depend on who does which: tasks write to places of
// their own, and what is summed is summed afterwards in the order of the numbers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace collapscope::cpu {

class Workers {
 public:
  // task(worker, index): worker < threads() is the same for all tasks of one thread.
  using Task = std::function<void(std::size_t, std::size_t)>;

  // The caller is one of the threads; the others start when first needed.
  explicit Workers(std::size_t threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  [[nodiscard]] std::size_t threads() const { return threads_; }

  // Runs task(worker, index) for every index < count and returns when all are done. A helper that comes
  // late is not waited for. When a task throws, tasks not yet begun are left out, and the first exception
  // comes out here. Not to be called from a task, nor by two threads at once.
  void run(std::size_t count, const Task& task);

 private:
  void start();
  void help(std::size_t worker);
  void work(std::size_t worker, const Task& task, std::size_t count);

  std::size_t threads_;
  std::vector<std::thread> helpers_;
  std::mutex mutex_;  // of everything below but the atomics
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::atomic<unsigned> calls_ = 0;  // of run(), so far
  std::atomic<std::size_t> next_ = 0;
  const Task* task_ = nullptr;  // null: nothing to join
  std::size_t count_ = 0;
  std::size_t active_ = 0;  // helpers at work
  bool stop_ = false;
  std::exception_ptr failure_;
};

}  // namespace collapscope::cpu
