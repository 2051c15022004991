// Bytes as a file that has a path.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace collapscope::fuzz {

// The same file for every input.
inline const std::string& file_of(const std::uint8_t* data, std::size_t size) {
  static const int descriptor = ::memfd_create("fuzz", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  (void)!::ftruncate(descriptor, 0);
  (void)!::pwrite(descriptor, data, size, 0);
  return path;
}

}  // namespace collapscope::fuzz
