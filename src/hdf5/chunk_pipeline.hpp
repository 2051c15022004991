// Undoes the usual filters of chunks outside HDF5, which neither bounds what a chunk inflates to nor notices
// one that is too short (it then reads beyond it), and does it on one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "collapscope/dump/dump.hpp"
#include "hdf5/buffer.hpp"
#include "hdf5/damaged_chunk.hpp"
#include "hdf5/deflate.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

// The filters of an open dataset; nullopt when there is one that only HDF5 and its plugins can undo.
[[nodiscard]] std::optional<std::vector<StoredFilter>> filters_undone_here(hid_t creation,
                                                                           const DatasetIndex& index,
                                                                           const Place& place);

// Whether they can be undone here: at most one of them compresses, and shuffle has a size.
[[nodiscard]] bool are_sound(const std::vector<StoredFilter>& filters);

// What undoes the filters of a dataset's chunks.
class ChunkPipeline {
 public:
  ChunkPipeline(std::size_t chunk_bytes, std::vector<StoredFilter> filters)
      : chunk_bytes_(chunk_bytes), filters_(std::move(filters)) {}

  [[nodiscard]] std::size_t chunk_bytes() const { return chunk_bytes_; }
  // Decoded chunks that a ChunkDecoder may hold.
  [[nodiscard]] std::size_t decoder_buffers() const;
  // Whether chunks are stored as they are.
  [[nodiscard]] bool empty() const { return filters_.empty(); }

 private:
  friend class ChunkDecoder;
  [[nodiscard]] bool applied(std::size_t position, std::uint32_t skipped) const;
  [[nodiscard]] std::size_t size_before(std::size_t position, std::uint32_t skipped) const;
  [[nodiscard]] bool is_last(std::size_t position, std::uint32_t skipped) const;

  std::size_t chunk_bytes_;
  std::vector<StoredFilter> filters_;  // in the order of writing; at most one compresses
};

// Decodes with buffers of its own: one thread at a time.
class ChunkDecoder {
 public:
  using ByteView = std::span<const std::byte>;

  explicit ChunkDecoder(const ChunkPipeline& pipeline) : pipeline_(pipeline) {}

  // The chunk that `stored` holds, exactly as large as declared: in `target` when that has room for a chunk;
  // with an empty one wherever it was decoded, which is valid until the next call and as long as `stored`.
  // `skipped`: a bit for each filter that was not applied to this chunk. Throws DamagedChunk.
  ByteView decode(ByteView stored, std::uint32_t skipped, std::span<std::byte> target);

 private:
  void undo(const StoredFilter& filter, ByteView bytes, std::span<std::byte> out);

  const ChunkPipeline& pipeline_;
  Inflater inflater_;
  std::array<Buffer, 2> buffers_;
};

}  // namespace collapscope::hdf5
