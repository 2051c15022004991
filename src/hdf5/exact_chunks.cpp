#include "hdf5/exact_chunks.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "hdf5/chunk_reader.hpp"
#include "hdf5/chunks.hpp"
#include "hdf5/open_dataset.hpp"
#include "process/work_mark.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr std::uint64_t slowest_bytes = 1000;  // decoded in a millisecond

std::unique_ptr<RowReader> reader_of(const DatasetIndex& index) {
  ReadOptions options;
  options.threads = 1;
  options.buffer_bytes = 0;
  if (index.chunk_store) {
    if (auto reader = read_chunks(index, options)) {
      return reader;
    }
  }
  const Session session;
  auto opened = std::make_unique<OpenDataset>(index, options.cache_bytes);
  return read_chunks(opened, options);
}

}  // namespace

void require_exact_chunks(const DatasetIndex& index) {
  if (index.storage != Storage::chunked || index.filters.empty()) {
    return;
  }
  const std::unique_ptr<RowReader> reader = reader_of(index);
  if (!reader) {
    return;
  }
  const ChunkGrid grid(index.shape, index.chunk);
  const std::uint64_t row_bytes = grid.per_row() * element_count(index.chunk) * index.element.size();
  std::vector<std::byte> sample(index.bytes() / index.samples());
  for (std::uint64_t first = 0; first < index.samples(); first += index.chunk[0]) {
    process::at_work(index.file, index.object, row_bytes / slowest_bytes);
    reader->read(first, 1, sample);  // for which each chunk that has a part of it is decoded whole
  }
}

}  // namespace collapscope::hdf5
