// Numbers on their way between the device and ordinary memory: through page-locked memory, so that copies
// take the bus's full rate and the host waits once for all of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <span>

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

// What put(first, span) writes of numbers 0 ... count - 1 to `to` on the device, on `compute`. Waits only
// where the staging is full. It may be used again behind what is in `compute` then, by `bring_down`.
template <class Put>
void bring_up_pieces(const Device& device, const PinnedBuffer<double>& staging, double* to, std::size_t count,
                     const Put& put) {
  for (std::size_t first = 0; first < count; first += staging.size()) {
    const std::size_t some = std::min(staging.size(), count - first);
    if (first > 0) {
      device.wait_for_stream(device.compute());
    }
    put(first, std::span<double>(staging.data(), some));
    upload(to + first, staging.data(), some, device.compute());
  }
}

// value(i) for i = 0 ... count - 1, in the same way.
template <class Value>
void bring_up(const Device& device, const PinnedBuffer<double>& staging, double* to, std::size_t count,
              const Value& value) {
  bring_up_pieces(device, staging, to, count, [&](std::size_t first, std::span<double> piece) {
    for (std::size_t i = 0; i < piece.size(); ++i) {
      piece[i] = value(first + i);
    }
  });
}

}  // namespace collapscope::cuda
