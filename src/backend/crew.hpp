// Work for several workers: items in their order, each for whoever is free.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "core/workers.hpp"
#include "linalg/blas.hpp"

namespace collapscope {

class Crew {
 public:
  // One worker, in the caller's thread.
  explicit Crew(Backend& alone) : workers_{&alone} {}
  // Several, each in a thread of its own.
  explicit Crew(std::span<Backend* const> workers) : workers_(workers.begin(), workers.end()) {}

  [[nodiscard]] std::size_t size() const { return workers_.size(); }
  [[nodiscard]] Backend& operator[](std::size_t worker) const { return *workers_[worker]; }

  // Calls work(item, worker) for the items 0 to items - 1, begun in this order; of as many items as workers,
  // or fewer, each goes to the worker of its number. A worker has one item at a time. When some throw, the
  // rest is not begun, and the exception of the first of them in this order comes out. While several work,
  // each has the BLAS for its own thread alone.
  template <class Work>
  void run(std::size_t items, const Work& work) const {
    if (size() == 1) {
      for (std::size_t item = 0; item < items; ++item) {
        work(item, std::size_t{0});
      }
      return;
    }
    const linalg::SingleThread each_alone;
    Team(size()).run(items,
                     [&](std::size_t item, std::size_t slot) { work(item, items <= size() ? item : slot); });
  }

 private:
  std::vector<Backend*> workers_;
};

}  // namespace collapscope
