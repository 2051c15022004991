// How long the program waits for a GPU, and whether one let it wait for longer.
#pragma once

namespace collapscope::cuda {

// Seconds: COLLAPSCOPE_DEVICE_TIMEOUT, else 300; 0: no limit. Throws UsageError: it is no such number.
[[nodiscard]] double time_limit();

// Whether a device did not answer within the limit. Nothing of CUDA may be called any more then, whatever the
// device: any call could wait for it, and for ever. What the process holds there is lost until it ends.
[[nodiscard]] bool is_abandoned() noexcept;
void abandon() noexcept;

}  // namespace collapscope::cuda
