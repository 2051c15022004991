// Wall-clock time.
#pragma once

#include <chrono>

namespace collapscope {

// Seconds that `work` takes.
template <class Work>
[[nodiscard]] double seconds_of(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace collapscope
