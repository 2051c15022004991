#include "hdf5/chunk_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "collapscope/error.hpp"
#include "collapscope/text.hpp"
#include "hdf5/chunk_layout.hpp"
#include "hdf5/chunks.hpp"

namespace collapscope::hdf5 {

namespace {

class ChunkReader final : public RowReader {
 public:
  ChunkReader(std::unique_ptr<OpenDataset> dataset, ChunkPipeline pipeline, std::uint64_t cache_bytes)
      : dataset_(std::move(dataset)),
        index_(dataset_->index()),
        grid_(index_.shape, index_.chunk),
        layout_(index_),
        pipeline_(std::move(pipeline)),
        keeps_rows_(std::min(index_.chunk[0], index_.shape[0]) <= cache_bytes / dataset_->sample_bytes()) {}

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    dataset_->require_samples(first, count, out);
    while (count > 0) {
      const std::uint64_t row = first / index_.chunk[0];
      const std::uint64_t here = std::min(count, row_end(row) - first);
      const std::size_t bytes = here * dataset_->sample_bytes();
      read_within(row, first, here, out.first(bytes));
      out = out.subspan(bytes);
      first += here;
      count -= here;
    }
  }

  [[nodiscard]] std::uint64_t preferred_samples() const override { return index_.chunk[0]; }

 private:
  [[nodiscard]] std::uint64_t row_begin(std::uint64_t row) const { return row * index_.chunk[0]; }
  [[nodiscard]] std::uint64_t row_end(std::uint64_t row) const {
    return std::min(row_begin(row) + index_.chunk[0], index_.shape[0]);
  }

  // Samples of one row of chunks.
  void read_within(std::uint64_t row, std::uint64_t first, std::uint64_t count, std::span<std::byte> out) {
    const std::uint64_t samples = row_end(row) - row_begin(row);
    if (count == samples || !keeps_rows_) {
      decode_row(row, first, count, out);
      return;
    }
    if (kept_row_ != row) {
      kept_row_.reset();
      kept_.resize(samples * dataset_->sample_bytes());
      decode_row(row, row_begin(row), samples, kept_);
      kept_row_ = row;
    }
    std::memcpy(out.data(), kept_.data() + (first - row_begin(row)) * dataset_->sample_bytes(), out.size());
  }

  void decode_row(std::uint64_t row, std::uint64_t first, std::uint64_t count, std::span<std::byte> out) {
    for (std::uint64_t i = 0; i < grid_.per_row(); ++i) {
      const std::uint64_t position = row * grid_.per_row() + i;
      const std::uint32_t skipped = fetch(position);
      try {
        pipeline_.decode(bytes_, skipped);
      } catch (const DamagedChunk& damage) {
        refuse(position, damage.what());
      }
      layout_.copy(bytes_, position, first, count, out);
    }
  }

  // Reads the stored bytes of a chunk. Returns the filters that were skipped when it was written.
  std::uint32_t fetch(std::uint64_t position) {
    const Session session;
    const std::vector<hsize_t> offset = grid_.offset(position);
    bytes_.resize(stored_chunk_size(dataset_->id(), index_, offset, dataset_->place()));
    std::uint32_t skipped = 0;
    if (H5Dread_chunk(dataset_->id(), H5P_DEFAULT, offset.data(), &skipped, bytes_.data()) < 0) {
      fail(dataset_->place(), "read " + chunk_text(index_, offset));
    }
    return skipped;
  }

  [[noreturn]] void refuse(std::uint64_t position, const char* why) const {
    throw InputError(dataset_->place().file, dataset_->place().object,
                     fmt::format("{} is damaged: {}", chunk_text(index_, grid_.offset(position)), why));
  }

  std::unique_ptr<OpenDataset> dataset_;
  const DatasetIndex& index_;
  ChunkGrid grid_;
  ChunkLayout layout_;
  ChunkPipeline pipeline_;
  bool keeps_rows_;  // whether the samples of a row of chunks fit the cache
  std::optional<std::uint64_t> kept_row_;
  std::vector<std::byte> kept_;
  std::vector<std::byte> bytes_;  // of the chunk at hand
};

}  // namespace

std::unique_ptr<RowReader> read_chunks(std::unique_ptr<OpenDataset> dataset, ChunkPipeline pipeline,
                                       std::uint64_t cache_bytes) {
  return std::make_unique<ChunkReader>(std::move(dataset), std::move(pipeline), cache_bytes);
}

}  // namespace collapscope::hdf5
