#include "analysis/target_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/joined_reader.hpp"
#include "collapscope/decode.hpp"
#include "collapscope/error.hpp"

namespace collapscope {

TargetRows::TargetRows(std::vector<DatasetIndex> shards, std::uint64_t keep_bytes, std::size_t threads)
    : shards_(std::move(shards)) {
  const DatasetIndex& first = shards_.front();
  components_ = first.shape.size() > 1 ? first.shape[1] : 1;
  for (const DatasetIndex& shard : shards_) {
    if ((shard.shape.size() > 1 ? shard.shape[1] : 1) != components_ || shard.element != first.element) {
      throw InputError(shard.file, shard.object,
                       "found other components or another type than in the first shard");
    }
    samples_ += shard.samples();
  }
  reader_ = open_joined(shards_, {std::uint64_t{1} << 24U, threads, std::uint64_t{1} << 24U});
  if (samples_ * components_ * sizeof(double) <= keep_bytes) {
    buffer_ = make_plain_buffer(samples_ * components_ * sizeof(double));
    // Nothing is there until decode writes it.
    all_.emplace(reinterpret_cast<double*>(buffer_->bytes().data()), samples_, components_);
    decode(0, *all_);
    reader_.reset();
  }
}

Matrix TargetRows::read(std::uint64_t first, std::uint64_t count) {
  Matrix out(count, components_);
  if (!all_) {
    const std::lock_guard lock(reading_);
    decode(first, out.view());
  } else {
    std::copy_n(all_->middle_rows(first, count).data(), count * components_, out.data());
  }
  return out;
}

// Block by block, so that what is stored passes through the cache.
void TargetRows::decode(std::uint64_t first, MatrixView<double> out) {
  constexpr std::size_t block_bytes = std::size_t{1} << 20U;
  RowFormat format;
  format.element = shards_.front().element;
  format.channels = components_;
  const std::size_t block = std::max<std::size_t>(block_bytes / format.sample_bytes(), 1);
  std::vector<std::byte> bytes(std::min(block, out.rows()) * format.sample_bytes());
  for (std::size_t done = 0; done < out.rows(); done += block) {
    const std::size_t count = std::min(block, out.rows() - done);
    const std::span<std::byte> stored = std::span(bytes).first(count * format.sample_bytes());
    reader_->read(first + done, count, stored);
    if (const auto sample =
            decode_tile({stored, 0, count, first + done}, format, out.middle_rows(done, count))) {
      const ShardSample at = locate(shards_, *sample);
      throw InputError(shards_[at.shard].file, shards_[at.shard].object,
                       fmt::format("found NaN or Inf, first in row {}; expected finite numbers", at.sample));
    }
  }
}

}  // namespace collapscope
