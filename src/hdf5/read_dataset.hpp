// A dataset that is read, and the bounds of what may be asked of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "collapscope/dump/dump.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

class ReadDataset {
 public:
  explicit ReadDataset(const DatasetIndex& index);
  virtual ~ReadDataset() = default;
  ReadDataset(const ReadDataset&) = delete;
  ReadDataset& operator=(const ReadDataset&) = delete;
  ReadDataset(ReadDataset&&) = delete;
  ReadDataset& operator=(ReadDataset&&) = delete;

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
  std::size_t chunk_bytes_;  // of a whole chunk, decoded; 0 without chunks
};

}  // namespace collapscope::hdf5
