// What workers on one device take in turns, so that one brings rows while the other computes:
//
//   worker 0   | read and sum layer 1 | decompose, look again |             | read, sum layer 3 ...
//   worker 1                          | read layer 2          | sum the rest | decompose, look again |
//
// Two of them reading would halve each other's rate, and two of them computing would make the thousands of
// short kernels of an eigenproblem wait for the long ones of products.
#pragma once

#include <condition_variable>
#include <mutex>

namespace collapscope {

// One has it at a time. Whoever has it may give it back on another thread.
class Turn {
 public:
  void take() {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [this] { return !taken_; });
    taken_ = true;
  }
  void give_back() {
    {
      const std::lock_guard lock(mutex_);
      taken_ = false;
    }
    free_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  bool taken_ = false;
};

// Whoever computes asks for no turn to read, so that none waits for ever.
struct Turns {
  Turn reading;    // the rows of a first look
  Turn computing;  // from the first sum of a layer to the end of its second look
};

// A turn that is given back at the end. Null: there is nobody to take turns with.
class HeldTurn {
 public:
  explicit HeldTurn(Turn* turn) : turn_(turn) {}
  ~HeldTurn() { give_back(); }
  HeldTurn(const HeldTurn&) = delete;
  HeldTurn& operator=(const HeldTurn&) = delete;

  // Waits for it, unless it is held already.
  void take() {
    if (turn_ != nullptr && !held_) {
      turn_->take();
      held_ = true;
    }
  }
  void give_back() {
    if (held_) {
      turn_->give_back();
      held_ = false;
    }
  }

 private:
  Turn* turn_;
  bool held_ = false;
};

}  // namespace collapscope
