// The index of chunks that HDF5 writes unless told otherwise, a version 1 B-tree, read around the library:
// HDF5 1.10 tells the address of a chunk only after a walk over all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "hdf5/chunks.hpp"
#include "hdf5/stored_file.hpp"

namespace collapscope::hdf5 {

// One chunk as stored.
struct StoredChunk {
  std::uint64_t position;  // in the grid
  std::uint64_t address;   // in the file
  std::uint64_t bytes;
  std::uint32_t skipped;  // a bit for each filter that was not applied
};

// Keeps where the leaves lie, 16 bytes for some 32 to 64 chunks, and reads them again when asked.
class ChunkTree {
 public:
  // The root of such a tree, and where the first chunk lies in the file; nullopt unless there is one.
  struct Found {
    ChunkStore store;  // without filters
    std::uint64_t first_chunk;
  };
  static std::optional<Found> find(hid_t dataset, const DatasetIndex& index, const StoredFile& file,
                                   const Place& place);

  // The tree of a dataset whose chunk_store is known, read without HDF5; nullopt unless it is sound and holds
  // every chunk of the grid once.
  static std::optional<ChunkTree> of(const DatasetIndex& index, const StoredFile& file);

  // The chunks at the positions [first, last]. Throws InputError when the tree is no longer as it was.
  [[nodiscard]] std::vector<StoredChunk> chunks(std::uint64_t first, std::uint64_t last,
                                                const StoredFile& file, const Place& place) const;

 private:
  class Node;
  class Walk;
  struct Leaf {
    std::uint64_t address;
    std::uint64_t first;  // position of its first chunk
  };

  ChunkTree(const DatasetIndex& index, std::size_t node_bytes)
      : grid_(index.shape, index.chunk), rank_(index.shape.size()), node_bytes_(node_bytes) {}

  // The chunks of a leaf, at successive positions; empty when it is damaged.
  [[nodiscard]] std::vector<StoredChunk> leaf_chunks(const Node& node, std::uint64_t first) const;

  ChunkGrid grid_;
  std::size_t rank_;
  std::size_t node_bytes_;
  std::vector<Leaf> leaves_;
};

}  // namespace collapscope::hdf5
