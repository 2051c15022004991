// Which thread takes which segments of a layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <vector>

namespace collapscope {

// Hands out the segments 0 ... segments - 1, a run of some at a time and the runs in order, so that threads
// that read them stay close together in the file.
class SegmentQueue {
 public:
  SegmentQueue(std::uint64_t segments, std::uint64_t run, std::size_t lanes);

  // The next segment for a lane; nullopt: there is none, or none before one that has failed.
  [[nodiscard]] std::optional<std::uint64_t> next(std::size_t lane);
  // Of the exceptions in flight that were reported, the one of the first segment counts.
  void fail(std::uint64_t segment);
  void rethrow() const;

 private:
  struct Run {
    std::uint64_t next = 0;
    std::uint64_t end = 0;
  };

  std::mutex mutex_;
  std::uint64_t given_ = 0;
  std::uint64_t end_;  // segments, or the first that has failed
  std::uint64_t run_;
  std::vector<Run> runs_;  // of the lanes
  std::exception_ptr failure_;
};

}  // namespace collapscope
