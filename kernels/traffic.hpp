// What a kernel costs, for whoever counts without a device.
#pragma once

#include <cstddef>

namespace collapscope::kernels {

// Bytes of device memory that it reads and writes when it touches everything once. Rows that need a second
// look at their own numbers are not counted.
struct Traffic {
  std::size_t read = 0;
  std::size_t written = 0;
};

constexpr Traffic traffic_of(std::size_t doubles_read, std::size_t doubles_written) {
  return {doubles_read * sizeof(double), doubles_written * sizeof(double)};
}

}  // namespace collapscope::kernels
