// Threads that share out the tasks of a read among themselves and its caller.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace collapscope::hdf5 {

// Several threads may run() at the same time. A caller always works itself, so a run ends even when no other
// thread has time for it.
class Workers {
 public:
  // `slot` tells apart the threads at work: below `threads` of run(), one thread at a time each.
  using Task = std::function<void(std::size_t task, std::size_t slot)>;

  Workers() = default;
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  Workers(Workers&&) = delete;
  Workers& operator=(Workers&&) = delete;

  // The threads of this process's readers: there while someone holds them.
  static std::shared_ptr<Workers> shared();

  // Runs tasks 0 to tasks - 1, begun in this order, on at most `threads` threads including the caller's. When
  // tasks throw, the rest is not begun, and the exception of the first of them in this order comes out once
  // all have ended: the same one whatever the number of threads.
  void run(std::size_t threads, std::size_t tasks, const Task& task);

 private:
  class Batch;

  void ensure(std::size_t threads);
  void serve();

  std::mutex mutex_;
  std::condition_variable wanted_;  // a batch wants helpers, or the end has come
  std::condition_variable left_;    // a helper has left a batch
  std::list<Batch*> batches_;
  std::vector<std::thread> threads_;
  bool ends_ = false;
};

}  // namespace collapscope::hdf5
