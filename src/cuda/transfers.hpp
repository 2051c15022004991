// Numbers on their way between the device and ordinary memory: through page-locked memory, so that copies
// take the bus's full rate and the host waits once for all of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>

#include "cuda/device.hpp"

namespace collapscope::cuda {

// Page-locked room for `count` numbers, or for as many as go at a time.
[[nodiscard]] inline PinnedBuffer<double> make_staging(const Device& device, std::size_t count) {
  constexpr std::size_t most = std::size_t{8}
                               << 20U;  // 64 MiB: locking pages is slow, and they are the host's
  return {device, std::min(count, most)};
}

struct Download {
  double* to;
  const double* from;
  std::size_t count;
};

// All of them, behind what is in `compute`. One wait, which may take `patience` time limits, when they fit
// into the staging; else one for each time that it is full.
void bring_down(const Device& device, const PinnedBuffer<double>& staging,
                std::initializer_list<Download> all, double patience = 1);

// value(i) for i = 0 ... count - 1 to `to` on the device, on `compute`. Waits only where the staging is full.
// It may be used again behind what is in `compute` then, by `bring_down`.
template <class Value>
void bring_up(const Device& device, const PinnedBuffer<double>& staging, double* to, std::size_t count,
              const Value& value) {
  for (std::size_t first = 0; first < count; first += staging.size()) {
    const std::size_t some = std::min(staging.size(), count - first);
    if (first > 0) {
      device.wait_for_stream(device.compute());
    }
    for (std::size_t i = 0; i < some; ++i) {
      staging.data()[i] = value(first + i);
    }
    upload(to + first, staging.data(), some, device.compute());
  }
}

}  // namespace collapscope::cuda
