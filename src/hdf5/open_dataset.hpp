// A dataset of an index, opened again to be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "collapscope/dump/dump.hpp"
#include "hdf5/links.hpp"

namespace collapscope::hdf5 {

class OpenDataset {
 public:
  // Throws InputError when it is not as it was indexed. `cache_bytes`: at most so much for HDF5's own cache
  // of chunks.
  OpenDataset(const DatasetIndex& index, std::uint64_t cache_bytes);
  ~OpenDataset();
  OpenDataset(const OpenDataset&) = delete;
  OpenDataset& operator=(const OpenDataset&) = delete;
  OpenDataset(OpenDataset&&) = delete;
  OpenDataset& operator=(OpenDataset&&) = delete;

  [[nodiscard]] hid_t id() const { return dataset_.get(); }
  [[nodiscard]] const DatasetIndex& index() const { return index_; }
  [[nodiscard]] const Place& place() const { return place_; }
  [[nodiscard]] std::size_t sample_bytes() const { return sample_bytes_; }
  [[nodiscard]] std::size_t chunk_bytes() const { return chunk_bytes_; }

  // Throws UsageError unless there are samples [first, first + count) and `out` holds just them.
  void require_samples(std::uint64_t first, std::uint64_t count, std::span<const std::byte> out) const;

 private:
  DatasetIndex index_;
  Place place_;
  std::size_t sample_bytes_;
  std::size_t chunk_bytes_;       // of a whole chunk, decoded; 0 without chunks
  std::optional<FileSet> files_;  // kept open, with their locks
  Handle dataset_;
};

}  // namespace collapscope::hdf5
