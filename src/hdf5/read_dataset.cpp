#include "hdf5/read_dataset.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "collapscope/core/error.hpp"
#include "hdf5/chunks.hpp"

namespace collapscope::hdf5 {

ReadDataset::ReadDataset(const DatasetIndex& index)
    : index_(index),
      place_{index.file, index.object},
      sample_bytes_(index.bytes() / std::max<std::uint64_t>(index.samples(), 1)),
      chunk_bytes_(index.chunk.empty() ? 0 : element_count(index.chunk) * index.element.size()) {}

void ReadDataset::require_samples(std::uint64_t first, std::uint64_t count,
                                  std::span<const std::byte> out) const {
  const std::uint64_t samples = index_.samples();
  const bool there = first <= samples && count <= samples - first;
  if (!there || out.size() != count * sample_bytes_) {
    throw UsageError(fmt::format("{} samples from sample {} of {} cannot be read into {} bytes", count, first,
                                 samples, out.size()));
  }
}

}  // namespace collapscope::hdf5
