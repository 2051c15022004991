#include "core/threads.hpp"

#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <future>
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

void on_threads(std::size_t threads, const std::function<void(std::size_t)>& work) {
  std::vector<std::future<void>> others;
  for (std::size_t thread = 1; thread < threads; ++thread) {
    others.push_back(std::async(std::launch::async, work, thread));
  }
  work(0);
  for (std::future<void>& other : others) {
    other.get();
  }
}

}  // namespace collapscope
