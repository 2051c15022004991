// Whether a file is as it was.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <ctime>

#include "collapscope/core/files.hpp"

namespace collapscope {

namespace {

constexpr std::int64_t ns_per_second = 1'000'000'000;

std::optional<FileState> state_of(const struct stat& status) {
  if (!S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  return FileState{static_cast<std::uint64_t>(status.st_size),
                   status.st_mtim.tv_sec * ns_per_second + status.st_mtim.tv_nsec};
}

}  // namespace

std::optional<FileState> file_state(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? state_of(status) : std::nullopt;
}

std::optional<FileState> file_state(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 ? state_of(status) : std::nullopt;
}

std::string time_text(std::int64_t modified) {
  const std::int64_t part = (modified % ns_per_second + ns_per_second) % ns_per_second;
  const std::time_t whole = (modified - part) / ns_per_second;
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:09} UTC", fmt::gmtime(whole), part);
}

std::string change_text(const FileState& was, const FileState& is) {
  return fmt::format("found {} bytes, written at {}; expected {} bytes, written at {}", is.bytes,
                     time_text(is.modified), was.bytes, time_text(was.modified));
}

}  // namespace collapscope
