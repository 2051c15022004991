// The folds of several lanes, and what they make of a layer's segments, put together in the segments' order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "core/moment_tree.hpp"
#include "linalg/blas.hpp"

namespace collapscope {

class SegmentResiduals {
 public:
  // Segment `number`, each once, in any order.
  void put(std::uint64_t number, const ResidualSums& segment) { segments_.emplace(number, segment); }
  [[nodiscard]] ResidualSums finish() const {
    ResidualSums sums;
    for (const auto& [number, segment] : segments_) {
      sums += segment;
    }
    return sums;
  }

 private:
  std::map<std::uint64_t, ResidualSums> segments_;
};

// While they exist, every lane's thread calls the BLAS for itself.
template <class LaneFold, class Gathered>
class Lanes {
 public:
  // make: a fold made with `is_lane`.
  template <class Make>
  Lanes(std::size_t count, const Make& make) {
    for (std::size_t lane = 0; lane < count; ++lane) {
      folds_.push_back(make());
    }
  }

  [[nodiscard]] LaneFold& operator[](std::size_t lane) { return *folds_[lane]; }

  // The lane has been given all rows of this segment. By the lane's thread.
  void settle(std::size_t lane, std::uint64_t segment) {
    auto sums = folds_[lane]->finish();
    const std::lock_guard lock(gathering_);
    gathered_.put(segment, std::move(sums));
  }

  [[nodiscard]] auto finish() { return gathered_.finish(); }

 private:
  linalg::SingleThread each_alone_;
  std::vector<std::unique_ptr<LaneFold>> folds_;
  std::mutex gathering_;
  Gathered gathered_;
};

using FoldLanes = Lanes<MomentFold, MomentTree>;
using LookLanes = Lanes<ResidualFold, SegmentResiduals>;

}  // namespace collapscope
