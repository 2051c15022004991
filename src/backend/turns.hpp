// What workers on one device take in turns, so that one brings rows while the other computes:
//
//   worker 0   | read and sum layer 1 | decompose, look again |             | read, sum layer 3 ...
//   worker 1                          | read layer 2          | sum the rest | decompose, look again |
//
// Two of them reading would halve each other's rate. Two of them computing would make the thousands of short
// kernels of an eigenproblem wait for the long ones of products. So sums give way, tile by tile, and go on
// wherever the other layer is with the host.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace collapscope {

// One has it at a time. Whoever has it may give it back on another thread.
class Turn {
 public:
  void take() {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [this] { return !taken_ && ahead_ == 0; });
    taken_ = true;
  }
  // Before all who wait in `take`.
  void take_ahead() {
    std::unique_lock lock(mutex_);
    ++ahead_;
    free_.wait(lock, [this] { return !taken_; });
    --ahead_;
    taken_ = true;
  }
  void give_back() {
    {
      const std::lock_guard lock(mutex_);
      taken_ = false;
    }
    free_.notify_all();
  }
  [[nodiscard]] bool is_free() const {
    const std::lock_guard lock(mutex_);
    return !taken_;
  }
  // Whether somebody waits in `take_ahead`.
  [[nodiscard]] bool is_wanted_ahead() const {
    const std::lock_guard lock(mutex_);
    return ahead_ > 0;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable free_;
  bool taken_ = false;
  std::size_t ahead_ = 0;  // who wait
};

// Whoever computes asks for no turn to read or to sum, so that none waits for ever.
struct Turns {
  Turn reading;    // the rows of a first look
  Turn summing;    // from the first sum of a layer to its last
  Turn computing;  // a tile's sums; ahead of them, an eigenbasis or a second look
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
  void take_ahead() {
    if (turn_ != nullptr && !held_) {
      turn_->take_ahead();
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

enum class Order : unsigned char { behind, ahead };  // of those who take it ahead

// Has the turn from here to the end of the scope. Null: as above.
class InTurn {
 public:
  InTurn(HeldTurn* turn, Order order) : turn_(turn) {
    if (turn_ != nullptr && order == Order::ahead) {
      turn_->take_ahead();
    } else if (turn_ != nullptr) {
      turn_->take();
    }
  }
  ~InTurn() {
    if (turn_ != nullptr) {
      turn_->give_back();
    }
  }
  InTurn(const InTurn&) = delete;
  InTurn& operator=(const InTurn&) = delete;

 private:
  HeldTurn* turn_;
};

}  // namespace collapscope
