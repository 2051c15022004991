#include "analysis/layer_passes.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "analysis/joined_reader.hpp"
#include "backend/lanes.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

std::vector<DatasetIndex> activations_of(const std::vector<LayerIndex>& shards) {
  std::vector<DatasetIndex> datasets;
  for (const LayerIndex& shard : shards) {
    datasets.push_back(shard.activations);
  }
  return datasets;
}

}  // namespace

LayerPasses::LayerPasses(const std::vector<LayerIndex>& shards, TargetRows& targets, const LayerPlan& plan,
                         Precision precision, Backend& backend, const TileStream::ReadListener& listener)
    : shards_(activations_of(shards)),
      plan_(plan),
      precision_(precision),
      backend_(backend),
      stream_(plan, plan.tile_rows,
              open_joined(shards_, {plan.cache_bytes, backend.threads(), plan.buffer_bytes}), targets,
              listener, [&backend](std::size_t size) { return backend.make_host_buffer(size); }) {}

// Says where the sample is that a fold could not take.
template <class Work>
auto LayerPasses::guarded(const Work& work) {
  try {
    return work();
  } catch (const NonFiniteSample& offending) {
    const ShardSample at = locate(shards_, offending.sample);
    throw InputError(shards_[at.shard].file, shards_[at.shard].object,
                     fmt::format("found NaN or Inf, first in row {}; expected finite numbers", at.sample));
  }
}

template <class Pass>
auto LayerPasses::through(Pass& pass) {
  return guarded([&] {
    stream_.pass([&](const RawTile& tile, MatrixView<const double> targets) { pass.add(tile, targets); },
                 [&] { pass.settle(); });
    return pass.finish();
  });
}

template <class AnyLanes>
auto LayerPasses::through_lanes(AnyLanes&& lanes) {
  guarded([&] {
    stream_.pass_in_lanes({[&](std::size_t lane, const RawTile& tile, MatrixView<const double> targets) {
                             lanes[lane].add(tile, targets);
                           },
                           [&](std::size_t lane, std::uint64_t segment) { lanes.settle(lane, segment); }});
  });
  return lanes.finish();
}

Moments LayerPasses::fold(std::size_t targets) {
  FoldSpec spec{plan_.format, targets, plan_.rows, plan_.normalized_scatter, plan_.looks == 2, precision_};
  const std::size_t lanes = stream_.lanes();
  spec.is_lane = lanes > 1;
  const auto make = [&] { return backend_.make_fold(spec); };
  if (lanes > 1) {
    return through_lanes(FoldLanes(lanes, make));
  }
  fold_ = make();
  Moments moments = through(*fold_);
  if (!plan_.backend_keeps) {
    fold_.reset();
  }
  return moments;
}

ResidualSums LayerPasses::look(LookSpec spec) {
  if (fold_ != nullptr) {
    const std::optional<ResidualSums> sums = fold_->look_again(spec);
    fold_.reset();
    if (sums) {
      return *sums;
    }
  }
  const std::size_t lanes = stream_.lanes();
  spec.is_lane = lanes > 1;
  const auto make = [&] { return backend_.make_look(spec); };
  if (lanes > 1) {
    return through_lanes(LookLanes(lanes, make));
  }
  return through(*make());
}

}  // namespace collapscope
