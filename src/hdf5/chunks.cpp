#include "hdf5/chunks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "process/work_mark.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr std::uint64_t huge = std::numeric_limits<std::uint64_t>::max();

// HDF5 needs minutes to count more, and gigabytes for their index.
constexpr std::uint64_t most_chunks = std::uint64_t{1} << 26;
constexpr std::uint64_t chunks_per_millisecond = 200;
// Of more than many_chunks, so many are looked up before HDF5 counts them.
constexpr std::uint64_t many_chunks = std::uint64_t{1} << 16;
constexpr std::uint64_t samples_of_chunks = 1024;
// So many are looked up for the first that is missing.
constexpr std::uint64_t most_looked_up = std::uint64_t{1} << 20;

std::uint64_t saturating_product(std::uint64_t a, std::uint64_t b) {
  return b != 0 && a > huge / b ? huge : a * b;
}

// Stored bytes of the chunk at `offset`; nullopt when it was never written.
std::optional<std::uint64_t> stored_size(hid_t dataset, const std::vector<hsize_t>& offset,
                                         const Place& place) {
  hsize_t size = 0;
  const herr_t result = H5Dget_chunk_storage_size(dataset, offset.data(), &size);
  // HDF5 before 1.12 calls it an error when there is no such chunk.
  if (result < 0 && last_error().find("storage is not allocated") == std::string::npos) {
    fail(place, "look up a chunk");
  }
  return result < 0 || size == 0 ? std::nullopt : std::optional<std::uint64_t>(size);
}

// HDF5 steps through the index of all chunks to count those that are there, and some indexes have an entry
// for every chunk that the shape declares. Where few of many were written, a look at some is enough.
void require_some_chunks(hid_t dataset, const DatasetIndex& index, const ChunkGrid& grid,
                         const Place& place) {
  const std::uint64_t step = (grid.total() - 1) / samples_of_chunks;
  for (std::uint64_t k = 0; k <= samples_of_chunks; ++k) {
    const std::vector<hsize_t> offset = grid.offset(k == samples_of_chunks ? grid.total() - 1 : k * step);
    if (!stored_size(dataset, offset, place)) {
      throw InputError(place.file, place.object,
                       fmt::format("{} was never written: expected {} chunks for shape {}",
                                   chunk_text(index, offset), grid.total(), shape_text(index.shape)));
    }
  }
  if (grid.total() > most_chunks) {
    throw InputError(place.file, place.object,
                     fmt::format("found {} chunks of shape {}; expected at most {} (h5repack can make them "
                                 "larger)",
                                 grid.total(), shape_text(index.chunk), most_chunks));
  }
}

}  // namespace

ChunkGrid::ChunkGrid(const std::vector<std::uint64_t>& shape, const std::vector<std::uint64_t>& chunk)
    : chunk_(chunk) {
  for (std::size_t i = 0; i < shape.size(); ++i) {
    counts_.push_back(shape[i] / chunk[i] + (shape[i] % chunk[i] != 0 ? 1 : 0));
    per_row_ = i == 0 ? 1 : saturating_product(per_row_, counts_[i]);
  }
}

std::uint64_t ChunkGrid::total() const { return saturating_product(rows(), per_row_); }

std::uint64_t ChunkGrid::cache_slots() const {
  std::uint64_t slots = 1;
  for (std::size_t i = 1; i < counts_.size(); ++i) {
    std::uint64_t power = 1;
    while (power < counts_[i] && power < huge / 2) {
      power *= 2;
    }
    slots = saturating_product(slots, power);
  }
  return slots;
}

std::vector<hsize_t> ChunkGrid::offset(std::uint64_t index) const {
  std::vector<std::uint64_t> at(counts_.size(), 0);
  offset(index, at);
  return {at.begin(), at.end()};
}

void ChunkGrid::offset(std::uint64_t index, std::span<std::uint64_t> offset) const {
  for (std::size_t i = counts_.size(); i-- > 0;) {
    offset[i] = (index % counts_[i]) * chunk_[i];
    index /= counts_[i];
  }
}

std::optional<std::uint64_t> ChunkGrid::position(const std::vector<std::uint64_t>& offset) const {
  std::uint64_t index = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const std::uint64_t along = offset[i] / chunk_[i];
    if (along * chunk_[i] != offset[i] || along >= counts_[i]) {
      return std::nullopt;
    }
    index = index * counts_[i] + along;
  }
  return index;
}

std::uint64_t element_count(const std::vector<std::uint64_t>& shape) {
  std::uint64_t count = 1;
  for (const std::uint64_t extent : shape) {
    count = saturating_product(count, extent);
  }
  return count;
}

void require_all_chunks(hid_t dataset, const DatasetIndex& index, const Place& place) {
  const ChunkGrid grid(index.shape, index.chunk);
  if (grid.total() > many_chunks) {
    require_some_chunks(dataset, index, grid, place);
  }
  process::at_work(place.file, place.object, grid.total() / chunks_per_millisecond);
  const Handle space = own(H5Dget_space(dataset), H5Sclose, place, "read the shape");
  hsize_t there = 0;
  check(H5Dget_num_chunks(dataset, space.get(), &there), place, "count the chunks");
  if (there == grid.total()) {
    return;
  }
  // At most there + 1 steps: as many chunks as are there cannot hide a missing one for longer.
  for (std::uint64_t k = 0; k < std::min(grid.total(), most_looked_up); ++k) {
    if (const std::vector<hsize_t> offset = grid.offset(k); !stored_size(dataset, offset, place)) {
      throw InputError(place.file, place.object,
                       fmt::format("{} was never written: found {} chunks, expected {}",
                                   chunk_text(index, offset), there, grid.total()));
    }
  }
  const std::string_view what = there < grid.total()
                                    ? "some chunks were never written, or their index is damaged"
                                    : "the index of chunks is damaged";
  throw InputError(place.file, place.object,
                   fmt::format("{}: found {} chunks, expected {}", what, there, grid.total()));
}

void require_sane_size(std::uint64_t stored, const DatasetIndex& index, const std::vector<hsize_t>& offset,
                       const Place& place) {
  const std::uint64_t declared = saturating_product(element_count(index.chunk), index.element.size());
  const std::uint64_t limit = declared + declared / 100 + (std::uint64_t{1} << 16);
  if (stored > limit) {
    throw InputError(
        place.file, place.object,
        fmt::format("{} is damaged: found {} stored bytes, expected at most {} for a chunk of {}",
                    chunk_text(index, offset), stored, limit, human_bytes(declared)));
  }
}

std::uint64_t stored_chunk_size(hid_t dataset, const DatasetIndex& index, const std::vector<hsize_t>& offset,
                                const Place& place) {
  const auto stored = stored_size(dataset, offset, place);
  if (!stored) {
    throw InputError(place.file, place.object,
                     fmt::format("{} was never written", chunk_text(index, offset)));
  }
  require_sane_size(*stored, index, offset, place);
  return *stored;
}

void require_sane_chunks(hid_t dataset, const DatasetIndex& index, const ChunkGrid& grid, std::uint64_t first,
                         std::uint64_t last, const Place& place) {
  for (std::uint64_t k = first * grid.per_row(); k < (last + 1) * grid.per_row(); ++k) {
    (void)stored_chunk_size(dataset, index, grid.offset(k), place);
  }
}

std::string chunk_text(const DatasetIndex& index, const std::vector<hsize_t>& offset) {
  return fmt::format("the chunk at {} (samples {} to {})", shape_text({offset.begin(), offset.end()}),
                     offset[0], std::min<std::uint64_t>(offset[0] + index.chunk[0], index.shape[0]) - 1);
}

}  // namespace collapscope::hdf5
