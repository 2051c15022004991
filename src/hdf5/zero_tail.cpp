// What the end of a dataset looks like when its writer was killed: zeros, and maybe no bytes in the file.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <vector>

#include "collapscope/dump/dump.hpp"

namespace collapscope {

namespace {

constexpr std::uint64_t block_bytes = std::uint64_t{1} << 20;
constexpr std::uint64_t cache_bytes = std::uint64_t{16} << 20;
constexpr std::uint64_t largest_step_bytes = std::uint64_t{32} << 20;
constexpr std::uint64_t most_bytes = std::uint64_t{1} << 30;

std::uint64_t zero_samples_at_end(std::span<const std::byte> bytes, std::size_t sample_bytes) {
  const auto other =
      std::ranges::find_if(bytes.rbegin(), bytes.rend(), [](std::byte byte) { return byte != std::byte{0}; });
  return static_cast<std::uint64_t>(other - bytes.rbegin()) / sample_bytes;
}

// Whether a file holds no bytes from `begin` to `end`, but for blocks of the file system that it shares with
// its neighbours; false where the file system does not tell.
bool is_hole(const std::string& path, std::uint64_t begin, std::uint64_t end) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (file < 0) {
    return false;
  }
  bool none = false;
  if (::fstat(file, &status) == 0) {
    const auto block = static_cast<std::uint64_t>(status.st_blksize);
    const off_t data = ::lseek(file, static_cast<off_t>(begin + block), SEEK_DATA);
    none = end - begin > 2 * block &&
           (data < 0 ? errno == ENXIO : static_cast<std::uint64_t>(data) + block >= end);
  }
  ::close(file);
  return none;
}

// About a block, or what chunks hold that would be inflated for each block anew.
std::uint64_t step_of(const RowReader& reader, std::size_t sample_bytes) {
  const std::uint64_t block = std::max<std::uint64_t>(1, block_bytes / sample_bytes);
  const std::uint64_t chunk = reader.preferred_samples();
  return chunk <= largest_step_bytes / sample_bytes ? std::max(block, chunk) : block;
}

}  // namespace

ZeroTail zero_tail(const DatasetIndex& dataset) {
  const std::uint64_t samples = dataset.samples();
  const std::size_t sample_bytes = dataset.bytes() / std::max<std::uint64_t>(samples, 1);
  ReadOptions options;
  options.cache_bytes = options.buffer_bytes = cache_bytes;
  const auto reader = open_rows(dataset, options);
  const std::uint64_t step = step_of(*reader, sample_bytes);
  std::vector<std::byte> bytes;
  ZeroTail tail;
  bool only_zeros = true;
  while (only_zeros && tail.samples < samples && tail.samples * sample_bytes < most_bytes) {
    // One sample first: most datasets end in numbers.
    const std::uint64_t count = tail.samples == 0 ? 1 : std::min(step, samples - tail.samples);
    bytes.resize(count * sample_bytes);
    reader->read(samples - tail.samples - count, count, bytes);
    const std::uint64_t zeros = zero_samples_at_end(bytes, sample_bytes);
    tail.samples += zeros;
    only_zeros = zeros == count;
  }
  const bool plain = dataset.storage == Storage::contiguous || dataset.storage == Storage::raw;
  if (plain && dataset.address && tail.samples > 0) {
    const std::uint64_t end = *dataset.address + dataset.bytes();
    tail.is_hole = is_hole(dataset.file, end - tail.samples * sample_bytes, end);
  }
  return tail;
}

}  // namespace collapscope
