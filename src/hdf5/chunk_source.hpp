// Where the stored bytes of chunks come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hdf5/buffer.hpp"
#include "hdf5/chunk_tree.hpp"
#include "hdf5/open_dataset.hpp"

namespace collapscope::hdf5 {

class ChunkSource {
 public:
  virtual ~ChunkSource() = default;
  // The chunks at the positions [first, last], their sizes sane. Throws InputError.
  [[nodiscard]] virtual std::vector<StoredChunk> locate(std::uint64_t first, std::uint64_t last) const = 0;
  // Reads the bytes of chunks that are neighbours in the file into `buffer`; returns them from the first byte
  // of the first to the last one of the last. May be called by several threads at once. Sets `skipped` of
  // chunks where locate() could not. Throws InputError.
  virtual std::span<const std::byte> fetch(std::span<StoredChunk> chunks, Buffer& buffer) const = 0;
  // The file, where chunks have addresses in it; else null, and every chunk is fetched by itself.
  [[nodiscard]] virtual const StoredFile* file() const = 0;
};

// Reads a dataset whose chunk_store is known around HDF5; null unless its index of chunks is sound. `dataset`
// must live longer.
[[nodiscard]] std::unique_ptr<ChunkSource> direct_source(const ReadDataset& dataset);
// Reads through H5Dread_chunk.
[[nodiscard]] std::unique_ptr<ChunkSource> library_source(const OpenDataset& dataset);

}  // namespace collapscope::hdf5
