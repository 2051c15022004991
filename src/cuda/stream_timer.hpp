// How long work on a stream takes.
#pragma once

#include "cuda/device.hpp"

namespace collapscope::cuda {

class StreamTimer {
 public:
  // On the current device.
  explicit StreamTimer(cudaStream_t stream)
      : stream_(stream), begin_(make_timing_event()), end_(make_timing_event()) {}

  // Seconds from the end of what was in the stream to the end of what `enqueue` puts there; waits for it.
  template <class Enqueue>
  [[nodiscard]] double seconds_of(const Enqueue& enqueue) const {
    wait_for(stream_);
    check(cudaEventRecord(begin_.get(), stream_), "cudaEventRecord");
    enqueue();
    check(cudaEventRecord(end_.get(), stream_), "cudaEventRecord");
    check(cudaEventSynchronize(end_.get()), "cudaEventSynchronize");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin_.get(), end_.get()), "cudaEventElapsedTime");
    return static_cast<double>(milliseconds) * 1e-3;
  }

 private:
  cudaStream_t stream_;
  Event begin_;
  Event end_;
};

}  // namespace collapscope::cuda
