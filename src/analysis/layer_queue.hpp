// Tasks of an analysis, run in their order: alone with a whole backend, or side by side on those who stand in
// for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "collapscope/backend/backend.hpp"

namespace collapscope {

// Where one task at a time is at work: a backend, and its share of the memory.
struct Desk {
  Backend* backend = nullptr;
  std::uint64_t memory = 0;  // bytes
  std::string lost = {};     // why its first backend is not used any more; empty: it is
};

struct LayerTask {
  bool beside = false;  // with one worker, beside others; else alone, with everything
  std::function<void(Desk&)> run;
};

class LayerQueue {
 public:
  // memory: bytes for data. most: how many tasks may go beside one another; 0: none.
  LayerQueue(Backend& whole, std::uint64_t memory, std::size_t most);

  // How many tasks go side by side, at most; 0: none.
  [[nodiscard]] std::size_t workers() const { return workers_.size(); }
  // Where a task is at work, for plans.
  [[nodiscard]] const Desk& desk(bool beside) const { return beside ? workers_.front() : whole_; }

  [[nodiscard]] Desk& whole() { return whole_; }
  [[nodiscard]] bool is_whole(const Desk& desk) const { return &desk == &whole_; }

  // Tasks side by side begin in their order; a task may wait for an earlier one. When one throws, later ones
  // may not be begun, and its exception comes out.
  void run(const std::vector<LayerTask>& tasks);

  // The device at this desk has failed. Its backend's fallback, if there is one, takes its place, here and at
  // once; elsewhere when the next task begins, if the device was used there, too. To be called by the task at
  // this desk.
  void give_up(Desk& desk, const std::string& reason);

 private:
  using Place = std::vector<LayerTask>::const_iterator;

  void run_beside(Place begin, Place end);

  Desk whole_;
  std::vector<Desk> workers_;
};

}  // namespace collapscope
