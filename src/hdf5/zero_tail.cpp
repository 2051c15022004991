// What the end of a dataset looks like when its writer was killed: zeros or the fill value, and maybe no
// bytes in the file.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <vector>

#include "collapscope/core/decode.hpp"
#include "collapscope/dump/dump.hpp"

namespace collapscope {

namespace {

constexpr std::uint64_t block_bytes = std::uint64_t{1} << 20;
constexpr std::uint64_t cache_bytes = std::uint64_t{16} << 20;
constexpr std::uint64_t largest_step_bytes = std::uint64_t{32} << 20;
constexpr std::uint64_t most_bytes = std::uint64_t{1} << 30;

// An element as it is stored, over and over.
using Element = std::vector<std::byte>;

std::uint64_t samples_at_end(std::span<const std::byte> bytes, std::size_t sample_bytes,
                             const Element& element) {
  std::size_t position = element.size();
  const auto other = std::ranges::find_if(bytes.rbegin(), bytes.rend(), [&](std::byte byte) {
    position = position == 0 ? element.size() - 1 : position - 1;
    return byte != element[position];
  });
  return static_cast<std::uint64_t>(other - bytes.rbegin()) / sample_bytes;
}

Element fill_of(const DatasetIndex& dataset) {
  Element fill(dataset.element.size());
  for (std::size_t i = 0; i < fill.size(); ++i) {
    fill[i] = static_cast<std::byte>(dataset.fill_bits >> (8 * i));
  }
  return fill;
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

namespace {

// How many samples at the end hold nothing else, as far as is looked.
std::uint64_t count_at_end(RowReader& reader, const DatasetIndex& dataset, const Element& element) {
  const std::uint64_t samples = dataset.samples();
  const std::size_t sample_bytes = dataset.bytes() / std::max<std::uint64_t>(samples, 1);
  const std::uint64_t step = step_of(reader, sample_bytes);
  std::vector<std::byte> bytes;
  std::uint64_t found = 0;
  bool nothing_else = true;
  while (nothing_else && found < samples && found * sample_bytes < most_bytes) {
    // One sample first: most datasets end in numbers.
    const std::uint64_t count = found == 0 ? 1 : std::min(step, samples - found);
    bytes.resize(count * sample_bytes);
    reader.read(samples - found - count, count, bytes);
    const std::uint64_t more = samples_at_end(bytes, sample_bytes, element);
    found += more;
    nothing_else = more == count;
  }
  return found;
}

}  // namespace

ZeroTail zero_tail(const DatasetIndex& dataset) {
  ReadOptions options;
  options.cache_bytes = options.buffer_bytes = cache_bytes;
  const auto reader = open_rows(dataset, options);
  ZeroTail tail;
  tail.samples = count_at_end(*reader, dataset, Element(dataset.element.size()));
  if (tail.samples == 0 && dataset.fill_bits != 0) {
    const Element fill = fill_of(dataset);
    tail.samples = count_at_end(*reader, dataset, fill);
    decode_elements(fill, dataset.element, {&tail.value, 1});
    return tail;
  }
  const bool plain = dataset.storage == Storage::contiguous || dataset.storage == Storage::raw;
  if (plain && dataset.address && tail.samples > 0) {
    const std::uint64_t end = *dataset.address + dataset.bytes();
    const std::uint64_t sample_bytes = dataset.bytes() / dataset.samples();
    tail.is_hole = is_hole(dataset.file, end - tail.samples * sample_bytes, end);
  }
  return tail;
}

}  // namespace collapscope
