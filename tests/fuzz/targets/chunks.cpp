// libFuzzer: the index of chunks and the chunks behind it, read around HDF5. The first bytes say how they are
// stored, and where the index begins.
#include <cstring>
#include <memory>
#include <vector>

#include "collapscope/core/error.hpp"
#include "hdf5/chunk_reader.hpp"
#include "in_memory.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace collapscope;
  constexpr std::size_t head = 12;
  if (size < head) {
    return 0;
  }
  DatasetIndex index;
  index.file = fuzz::file_of(data + head, size - head);
  index.object = "/rows";
  index.element = {ElementKind::float32, false};
  index.storage = Storage::chunked;
  index.shape = {1U + data[0] % 20U, 1U + data[1] % 6U};
  index.chunk = {1U + data[2] % 7U, 1U + data[2] / 7U % 6U};
  const std::vector<std::vector<StoredFilter>> pipelines{
      {},
      {{ChunkFilter::deflate, 1}},
      {{ChunkFilter::shuffle, 4}, {ChunkFilter::deflate, 1}, {ChunkFilter::fletcher32, 1}},
      {{ChunkFilter::lzf, 1}},
      {{ChunkFilter::fletcher32, 1}, {ChunkFilter::shuffle, 3}}};
  std::uint64_t root = 0;
  std::memcpy(&root, data + 4, sizeof root);
  constexpr std::uint64_t half_children = 32;  // as HDF5 has it unless told otherwise
  const std::uint64_t key = 8 + 8 * 3;
  index.chunk_store = ChunkStore{0, root, 24 + 2 * half_children * 8 + (2 * half_children + 1) * key,
                                 pipelines[data[3] % pipelines.size()]};
  try {
    if (const auto rows = hdf5::read_chunks(index, ReadOptions{1 << 20, 1})) {
      std::vector<std::byte> bytes(index.bytes());
      rows->read(0, index.samples(), bytes);
    }
  } catch (const Error&) {
  }
  return 0;
}
