#include "analysis/joined_reader.hpp"

#include <algorithm>

#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

class JoinedReader final : public RowReader {
 public:
  JoinedReader(const std::vector<DatasetIndex>& shards, const ReadOptions& options)
      : shards_(shards), readers_(shards.size()), options_(options) {}

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    const std::size_t sample_bytes = count == 0 ? 0 : out.size() / count;
    while (count > 0) {
      const ShardSample at = locate(shards_, first);
      const std::uint64_t here = std::min(count, shards_[at.shard].samples() - at.sample);
      const std::size_t bytes = here * sample_bytes;
      open(at.shard).read(at.sample, here, out.first(bytes));
      out = out.subspan(bytes);
      first += here;
      count -= here;
    }
  }

  [[nodiscard]] std::uint64_t preferred_samples() const override { return 1; }

  [[nodiscard]] std::unique_ptr<RowReader> twin(std::size_t threads) override {
    if (open(0).twin(threads) == nullptr) {
      return nullptr;
    }
    ReadOptions options = options_;
    options.threads = threads;
    return std::make_unique<JoinedReader>(shards_, options);
  }

 private:
  // One shard is open at a time.
  RowReader& open(std::size_t shard) {
    if (!readers_[shard]) {
      std::fill(readers_.begin(), readers_.end(), nullptr);
      readers_[shard] = open_rows(shards_[shard], options_);
    }
    return *readers_[shard];
  }

  std::vector<DatasetIndex> shards_;
  std::vector<std::shared_ptr<RowReader>> readers_;
  ReadOptions options_;
};

}  // namespace

std::unique_ptr<RowReader> open_joined(const std::vector<DatasetIndex>& shards, const ReadOptions& options) {
  if (shards.size() == 1) {
    return open_rows(shards.front(), options);
  }
  return std::make_unique<JoinedReader>(shards, options);
}

ShardSample locate(const std::vector<DatasetIndex>& shards, std::uint64_t sample) {
  for (std::size_t shard = 0; shard < shards.size(); ++shard) {
    if (sample < shards[shard].samples()) {
      return {shard, sample};
    }
    sample -= shards[shard].samples();
  }
  throw UsageError("a sample beyond the last shard");
}

}  // namespace collapscope
