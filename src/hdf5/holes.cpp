#include "hdf5/holes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr std::uint64_t soon_read = std::uint64_t{4} << 30;
constexpr int most_regions = 65536;

// Where the next bytes begin that the file holds, or a hole does; `end` where there is none before it. Where
// the file system does not tell, all bytes are there.
std::uint64_t next(int file, std::uint64_t from, std::uint64_t end, int kind) {
  const off_t found = ::lseek(file, static_cast<off_t>(from), kind);
  if (found < 0) {
    return kind == SEEK_DATA && errno != ENXIO ? from : end;
  }
  return std::min(static_cast<std::uint64_t>(found), end);
}

}  // namespace

std::uint64_t bytes_in_holes(const std::string& path, std::uint64_t begin, std::uint64_t end) {
  struct stat status {};
  const bool is_short = begin >= end || end - begin <= soon_read;
  if (is_short || ::stat(path.c_str(), &status) != 0 ||
      static_cast<std::uint64_t>(status.st_blocks) * 512 >= end - begin) {
    return 0;
  }
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return 0;
  }
  std::uint64_t holes = 0;
  std::uint64_t at = begin;
  for (int region = 0; at < end && region < most_regions; ++region) {
    const std::uint64_t data = next(file, at, end, SEEK_DATA);
    holes += data - at;
    at = data < end ? next(file, data, end, SEEK_HOLE) : end;
  }
  ::close(file);
  return holes;
}

void refuse_mostly_holes(const DatasetIndex& dataset, const Place& place) {
  const std::uint64_t bytes = dataset.bytes();
  if (dataset.hole_bytes <= soon_read || dataset.hole_bytes < bytes / 10 * 9) {
    return;
  }
  throw InputError(
      place.file, place.object,
      fmt::format("found {} of its {} in the file, which is sparse: most of its {} rows were never "
                  "written; expected all of them. Where zeros are meant, an attribute complete = "
                  "true of the checkpoint says so",
                  human_bytes(bytes - dataset.hole_bytes), human_bytes(bytes), dataset.samples()));
}

}  // namespace collapscope::hdf5
