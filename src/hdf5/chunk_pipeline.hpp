// Undoes the usual filters of compressed chunks outside HDF5, which neither bounds what a chunk inflates to
// nor notices one that is too short (it then reads beyond it).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <vector>

#include "hdf5/open_dataset.hpp"

namespace collapscope::hdf5 {

// What is wrong with a chunk.
class DamagedChunk : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ChunkPipeline {
 public:
  // nullopt for datasets without filters, and for those with a filter only HDF5 and its plugins can undo.
  static std::optional<ChunkPipeline> of(const OpenDataset& dataset);

  // Undoes the filters on `bytes`, which becomes the chunk, exactly as large as declared. `skipped`: a bit
  // for each filter that was not applied to this chunk. Throws DamagedChunk.
  void decode(std::vector<std::byte>& bytes, std::uint32_t skipped);

  [[nodiscard]] std::size_t chunk_bytes() const { return chunk_bytes_; }

 private:
  enum class Kind { deflate, shuffle, fletcher32, lzf };
  struct Filter {
    Kind kind;
    std::size_t element_size;  // of shuffle
  };

  explicit ChunkPipeline(std::size_t chunk_bytes) : chunk_bytes_(chunk_bytes) {}
  static std::optional<Filter> known_filter(hid_t creation, unsigned position, const Place& place);
  [[nodiscard]] std::size_t size_before(std::size_t position, std::uint32_t skipped) const;
  void undo(std::size_t position, std::uint32_t skipped, std::vector<std::byte>& bytes);

  std::size_t chunk_bytes_;
  std::vector<Filter> filters_;  // in the order of writing; at most one compresses
  std::vector<std::byte> spare_;
};

}  // namespace collapscope::hdf5
