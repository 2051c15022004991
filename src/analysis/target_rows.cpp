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
    all_ = decode(0, samples_);
    reader_.reset();
  }
}

Matrix TargetRows::read(std::uint64_t first, std::uint64_t count) {
  if (!all_) {
    return decode(first, count);
  }
  Matrix out(count, components_);
  const auto from = all_->values().subspan(first * components_, count * components_);
  std::copy(from.begin(), from.end(), out.data());
  return out;
}

Matrix TargetRows::decode(std::uint64_t first, std::uint64_t count) {
  RowFormat format;
  format.element = shards_.front().element;
  format.channels = components_;
  std::vector<std::byte> bytes(count * format.sample_bytes());
  reader_->read(first, count, bytes);
  Matrix out(count, components_);
  if (const auto sample = decode_tile({bytes, 0, count, first}, format, out.view())) {
    const ShardSample at = locate(shards_, *sample);
    throw InputError(shards_[at.shard].file, shards_[at.shard].object,
                     fmt::format("found NaN or Inf, first in row {}; expected finite numbers", at.sample));
  }
  return out;
}

}  // namespace collapscope
