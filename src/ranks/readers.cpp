#include <sys/ioctl.h>
#include <sys/stat.h>

#include <thread>

#include "collapscope/ranks/ranks.hpp"

namespace collapscope {

namespace {

// Bytes in a pipe that nobody has read; 0 where it is none.
int unread_bytes(int file) {
  struct stat status {};
  int bytes = 0;
  const bool is_pipe = ::fstat(file, &status) == 0 && S_ISFIFO(status.st_mode);
  return is_pipe && ::ioctl(file, FIONREAD, &bytes) == 0 ? bytes : 0;
}

}  // namespace

void await_reader(int file, std::chrono::milliseconds at_most) {
  constexpr std::chrono::milliseconds pause{1};
  const auto end = std::chrono::steady_clock::now() + at_most;
  while (unread_bytes(file) > 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace collapscope
