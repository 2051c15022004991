// Shards as one dataset.
#pragma once

#include <memory>
#include <vector>

#include "collapscope/dump/dump.hpp"

namespace collapscope {

// A reader of the samples of all shards, one after another.
[[nodiscard]] std::unique_ptr<RowReader> open_joined(const std::vector<DatasetIndex>& shards,
                                                     const ReadOptions& options);

// Which shard holds a sample, and its number there.
struct ShardSample {
  std::size_t shard = 0;
  std::uint64_t sample = 0;
};
[[nodiscard]] ShardSample locate(const std::vector<DatasetIndex>& shards, std::uint64_t sample);

}  // namespace collapscope
