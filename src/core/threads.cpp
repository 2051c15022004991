#include "core/threads.hpp"

#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <system_error>
#include <thread>
#include <vector>

namespace collapscope {

std::size_t usable_threads() {
  std::size_t threads = std::max(1U, std::thread::hardware_concurrency());
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    threads = static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
  }
  if (const char* slurm = std::getenv("SLURM_CPUS_PER_TASK")) {
    const long cpus = std::strtol(slurm, nullptr, 10);
    if (cpus > 0) {
      threads = std::min(threads, static_cast<std::size_t>(cpus));
    }
  }
  return threads;
}

std::size_t threads_given(std::size_t wanted) {
  std::promise<void> end;
  const std::shared_future<void> ended = end.get_future().share();
  std::vector<std::thread> threads;
  try {
    while (threads.size() < wanted) {
      threads.emplace_back([ended] { ended.wait(); });
    }
  } catch (const std::system_error&) {
    // There are no more.
  }
  end.set_value();
  for (std::thread& thread : threads) {
    thread.join();
  }
  return threads.size();
}

void on_threads(std::size_t threads, const std::function<void(std::size_t)>& work) {
  std::vector<std::future<void>> others;
  std::size_t left = 1;
  try {
    for (; left < threads; ++left) {
      others.push_back(std::async(std::launch::async, work, left));
    }
  } catch (const std::system_error&) {
    // The caller does what nobody else does.
  }
  work(0);
  for (; left < threads; ++left) {
    work(left);
  }
  for (std::future<void>& other : others) {
    other.get();
  }
}

}  // namespace collapscope
