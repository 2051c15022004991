#include "analysis/segment_queue.hpp"

#include <algorithm>

namespace collapscope {

SegmentQueue::SegmentQueue(std::uint64_t segments, std::uint64_t run, std::size_t lanes)
    : end_(segments), run_(std::max<std::uint64_t>(run, 1)), runs_(lanes) {}

std::optional<std::uint64_t> SegmentQueue::next(std::size_t lane) {
  const std::lock_guard lock(mutex_);
  Run& run = runs_[lane];
  if (run.next == run.end) {
    run = {given_, given_ + run_};
    given_ = run.end;
  }
  return run.next < end_ ? std::optional(run.next++) : std::nullopt;
}

void SegmentQueue::fail(std::uint64_t segment) {
  const std::lock_guard lock(mutex_);
  if (segment < end_) {
    end_ = segment;
    failure_ = std::current_exception();
  }
}

void SegmentQueue::rethrow() const {
  if (failure_) {
    std::rethrow_exception(failure_);
  }
}

}  // namespace collapscope
