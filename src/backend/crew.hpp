// Those who work, and how they share out items: in their order, each for whoever is free.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/turns.hpp"
#include "collapscope/backend/backend.hpp"
#include "core/workers.hpp"
#include "linalg/blas.hpp"

namespace collapscope {

struct Worker {
  Backend* backend = nullptr;
  std::uint64_t memory = 0;  // bytes for its data; 0: its work needs none of its own
  bool is_alone = true;      // nobody works beside it
  std::string lost = {};     // why its first backend is not used any more; empty: it is
  Turns* turns = nullptr;    // with the others on its device; null: it takes none

  // Its device has failed. The fallback, if there is one, takes its place.
  void give_up(const std::string& reason);
  // Gives up backends that somebody else has found to fail.
  void use_what_works();
};

class Crew {
 public:
  // One worker, in the caller's thread.
  explicit Crew(Backend& alone, std::uint64_t memory = 0) : workers_{{&alone, memory}} {}
  // Several, each in a thread of its own, with equal shares of the memory.
  explicit Crew(std::span<Backend* const> workers, std::uint64_t memory = 0);
  // The same with turns, so that each may use all threads.
  static Crew in_turns(std::span<Backend* const> workers, std::uint64_t memory);

  [[nodiscard]] std::size_t size() const { return workers_.size(); }
  [[nodiscard]] Backend& operator[](std::size_t worker) const { return *workers_[worker].backend; }
  [[nodiscard]] Worker& worker(std::size_t number) { return workers_[number]; }

  // Calls work(item, worker) for the items 0 to items - 1, begun in this order; of as many items as workers,
  // or fewer, each goes to the worker of its number. A worker has one item at a time. When some throw, the
  // rest is not begun, and the exception of the first of them in this order comes out. While several work,
  // each has the BLAS for its own thread alone, unless they take turns.
  template <class Work>
  void run(std::size_t items, const Work& work) const {
    if (size() == 1) {
      for (std::size_t item = 0; item < items; ++item) {
        work(item, std::size_t{0});
      }
      return;
    }
    std::optional<linalg::SingleThread> each_alone;
    if (turns_ == nullptr) {
      each_alone.emplace();
    }
    Team(size()).run(items,
                     [&](std::size_t item, std::size_t slot) { work(item, items <= size() ? item : slot); });
  }

 private:
  std::vector<Worker> workers_;
  std::unique_ptr<Turns> turns_;
};

}  // namespace collapscope
