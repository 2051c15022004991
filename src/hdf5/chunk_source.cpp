#include "hdf5/chunk_source.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "collapscope/core/error.hpp"
#include "hdf5/chunks.hpp"

namespace collapscope::hdf5 {

namespace {

class DirectSource final : public ChunkSource {
 public:
  DirectSource(const ReadDataset& dataset, StoredFile file, ChunkTree tree)
      : dataset_(dataset),
        grid_(dataset.index().shape, dataset.index().chunk),
        file_(std::move(file)),
        tree_(std::move(tree)) {}

  [[nodiscard]] std::vector<StoredChunk> locate(std::uint64_t first, std::uint64_t last) const override {
    std::vector<StoredChunk> chunks = tree_.chunks(first, last, file_, dataset_.place());
    const std::uint64_t end = file_.size();
    for (const StoredChunk& chunk : chunks) {
      if (chunk.bytes > dataset_.chunk_bytes()) {
        require_sane_size(chunk.bytes, dataset_.index(), grid_.offset(chunk.position), dataset_.place());
      }
      if (chunk.address > end || chunk.bytes > end - chunk.address) {
        refuse_address(chunk, end);
      }
    }
    return chunks;
  }

  std::span<const std::byte> fetch(std::span<StoredChunk> chunks, Buffer& buffer) const override {
    const std::uint64_t begin = chunks.front().address;
    const std::span<std::byte> bytes = buffer.room(chunks.back().address + chunks.back().bytes - begin);
    file_.read(begin, bytes);
    return bytes;
  }

  [[nodiscard]] const StoredFile* file() const override { return &file_; }

 private:
  [[noreturn]] void refuse_address(const StoredChunk& chunk, std::uint64_t end) const {
    throw InputError(dataset_.place().file, dataset_.place().object,
                     fmt::format("{} lies at byte {} and takes {} bytes, but the file ends at byte {}: it is "
                                 "damaged, truncated, or has become shorter",
                                 chunk_text(dataset_.index(), grid_.offset(chunk.position)), chunk.address,
                                 chunk.bytes, end));
  }

  const ReadDataset& dataset_;
  ChunkGrid grid_;
  StoredFile file_;
  ChunkTree tree_;
};

// Chunks have no addresses here, and all calls are made by one thread after another.
class LibrarySource final : public ChunkSource {
 public:
  explicit LibrarySource(const OpenDataset& dataset)
      : dataset_(dataset), grid_(dataset.index().shape, dataset.index().chunk) {}

  [[nodiscard]] std::vector<StoredChunk> locate(std::uint64_t first, std::uint64_t last) const override {
    const Session session;
    std::vector<StoredChunk> chunks;
    for (std::uint64_t position = first; position <= last; ++position) {
      const std::uint64_t bytes =
          stored_chunk_size(dataset_.id(), dataset_.index(), grid_.offset(position), dataset_.place());
      chunks.push_back({position, 0, bytes, 0});
    }
    return chunks;
  }

  std::span<const std::byte> fetch(std::span<StoredChunk> chunks, Buffer& buffer) const override {
    StoredChunk& chunk = chunks.front();
    const std::span<std::byte> bytes = buffer.room(chunk.bytes);
    const std::vector<hsize_t> offset = grid_.offset(chunk.position);
    const Session session;
    if (H5Dread_chunk(dataset_.id(), H5P_DEFAULT, offset.data(), &chunk.skipped, bytes.data()) < 0) {
      fail(dataset_.place(), "read " + chunk_text(dataset_.index(), offset));
    }
    return bytes;
  }

  [[nodiscard]] const StoredFile* file() const override { return nullptr; }

 private:
  const OpenDataset& dataset_;
  ChunkGrid grid_;
};

}  // namespace

std::unique_ptr<ChunkSource> direct_source(const ReadDataset& dataset) {
  StoredFile file = StoredFile::open(dataset.index());
  std::optional<ChunkTree> tree = ChunkTree::of(dataset.index(), file);
  if (!tree) {
    return nullptr;
  }
  return std::make_unique<DirectSource>(dataset, std::move(file), *std::move(tree));
}

std::unique_ptr<ChunkSource> library_source(const OpenDataset& dataset) {
  return std::make_unique<LibrarySource>(dataset);
}

}  // namespace collapscope::hdf5
