#include "terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "collapscope/ranks/ranks.hpp"

namespace collapscope::tools {

void hold_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) {
      // The lowest number that is free, which is this one.
      (void)::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
  }
}

bool has_standard_output() {
  const int flags = ::fcntl(STDOUT_FILENO, F_GETFL);
  return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

namespace {

// A launcher gives the first of several processes a terminal of its own making as standard output, also where
// what comes out of it goes to a file.
bool is_users_terminal(int descriptor) {
  return ::isatty(descriptor) == 1 && !(descriptor == STDOUT_FILENO && launched_with() > 1);
}

}  // namespace

bool is_terminal(int descriptor) {
  const char* term = std::getenv("TERM");
  return is_users_terminal(descriptor) && !(term != nullptr && std::string_view(term) == "dumb");
}

namespace {

// 0: nothing says how wide lines may be.
std::size_t known_width() {
  winsize size{};
  if (is_terminal(STDOUT_FILENO) && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    return size.ws_col;
  }
  const char* columns = std::getenv("COLUMNS");
  const long width = columns == nullptr ? 0 : std::strtol(columns, nullptr, 10);
  return width > 0 ? static_cast<std::size_t>(width) : 0;
}

}  // namespace

std::size_t terminal_width() {
  const std::size_t width = known_width();
  return width > 0 ? width : 100;
}

bool has_width() { return is_users_terminal(STDOUT_FILENO) || known_width() > 0; }

bool wants_colour(int descriptor) {
  const char* no_colour = std::getenv("NO_COLOR");
  return is_terminal(descriptor) && (no_colour == nullptr || no_colour[0] == '\0');
}

}  // namespace collapscope::tools
