// How long work on a stream takes.
#pragma once

#include "cuda/device.hpp"

namespace collapscope::cuda {

class StreamTimer {
 public:
  // A stream of the device, which is the current one.
  StreamTimer(const Device& device, cudaStream_t stream)
      : device_(device), stream_(stream), begin_(make_timing_event()), end_(make_timing_event()) {}

  // Seconds from the end of what was in the stream to the end of what `enqueue` puts there; waits for it.
  template <class Enqueue>
  [[nodiscard]] double seconds_of(const Enqueue& enqueue) const {
    device_.wait_for_stream(stream_);
    Call("cudaEventRecord").check(cudaEventRecord(begin_.get(), stream_));
    enqueue();
    Call("cudaEventRecord").check(cudaEventRecord(end_.get(), stream_));
    device_.wait_for_event(end_.get());
    float milliseconds = 0;
    Call("cudaEventElapsedTime").check(cudaEventElapsedTime(&milliseconds, begin_.get(), end_.get()));
    return static_cast<double>(milliseconds) * 1e-3;
  }

 private:
  const Device& device_;
  cudaStream_t stream_;
  Event begin_;
  Event end_;
};

}  // namespace collapscope::cuda
