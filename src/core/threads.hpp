// Threads of this process.
#pragma once

#include <cstddef>
#include <functional>
#include <future>
#include <system_error>

#include "collapscope/core/cpus.hpp"

namespace collapscope {

// How many more threads the system gives at this moment, at most `wanted`: makes them, and ends them.
[[nodiscard]] std::size_t threads_given(std::size_t wanted);

// work(0) ... work(threads - 1), each on a thread of its own where the system gives so many; returns when all
// are done, throws what one threw.
void on_threads(std::size_t threads, const std::function<void(std::size_t)>& work);

// A future of work(): on a thread of its own, or when asked for where the system gives none.
template <class Work>
auto on_another_thread(const Work& work) {
  try {
    return std::async(std::launch::async, work);
  } catch (const std::system_error&) {
    return std::async(std::launch::deferred, work);
  }
}

}  // namespace collapscope
