// The chunks of a chunked dataset: their grid, which are there, and how large they are as stored.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collapscope/dump/dump.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

class ChunkGrid {
 public:
  ChunkGrid(const std::vector<std::uint64_t>& shape, const std::vector<std::uint64_t>& chunk);

  // Chunks along the axis of samples, in one row of chunks across it, and in all (saturating).
  [[nodiscard]] std::uint64_t rows() const { return counts_.front(); }
  [[nodiscard]] std::uint64_t per_row() const { return per_row_; }
  [[nodiscard]] std::uint64_t total() const;
  // Slots that give every chunk of a row its own in HDF5's chunk cache, whose hash is the chunk's
  // coordinates put together as bits.
  [[nodiscard]] std::uint64_t cache_slots() const;

  // The first element of the chunk at `index` in row-major order of the grid.
  [[nodiscard]] std::vector<hsize_t> offset(std::uint64_t index) const;
  void offset(std::uint64_t index, std::span<std::uint64_t> offset) const;
  // The index of the chunk whose first element is `offset`; nullopt when there is none.
  [[nodiscard]] std::optional<std::uint64_t> position(const std::vector<std::uint64_t>& offset) const;

 private:
  std::vector<std::uint64_t> chunk_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t per_row_ = 1;
};

// Elements of a shape; the largest number there is when there are more.
[[nodiscard]] std::uint64_t element_count(const std::vector<std::uint64_t>& shape);

// Throws InputError that names a chunk that was never written, the first unless there are very many. Refuses
// more chunks than HDF5 can count soon.
void require_all_chunks(hid_t dataset, const DatasetIndex& index, const Place& place);

// Throws InputError when a chunk is stored in more bytes than its filters can make of it.
void require_sane_size(std::uint64_t stored, const DatasetIndex& index, const std::vector<hsize_t>& offset,
                       const Place& place);
// Stored bytes of the chunk at `offset`. Throws InputError when it was never written, or is larger than its
// filters can make it: where HDF5 decompresses, nothing else bounds what that takes.
[[nodiscard]] std::uint64_t stored_chunk_size(hid_t dataset, const DatasetIndex& index,
                                              const std::vector<hsize_t>& offset, const Place& place);
// The same for all chunks of the rows of chunks [first, last].
void require_sane_chunks(hid_t dataset, const DatasetIndex& index, const ChunkGrid& grid, std::uint64_t first,
                         std::uint64_t last, const Place& place);

// "the chunk at [64, 0] (samples 64 to 127)"
[[nodiscard]] std::string chunk_text(const DatasetIndex& index, const std::vector<hsize_t>& offset);

}  // namespace collapscope::hdf5
