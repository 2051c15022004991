#include "analysis/layer_passes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "analysis/joined_reader.hpp"
#include "collapscope/core/error.hpp"
#include "core/segment_tree.hpp"

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

Crew LayerPasses::crew() {
  const std::size_t workers = stream_.workers();
  return workers == 1 ? Crew(backend_)
                      : Crew(backend_.segment_workers(plan_.format.row_length()).first(workers));
}

// folds: one for each of the crew. segments: which each has finished, in this order.
template <class Value, class AnyFold>
Value LayerPasses::through(const Crew& crew, const std::vector<std::unique_ptr<AnyFold>>& folds,
                           std::vector<std::vector<std::uint64_t>>& segments) {
  SegmentTree<Value> tree;
  segments.assign(crew.size(), {});
  std::vector<TileStream::Visitor> visitors;
  for (std::size_t worker = 0; worker < crew.size(); ++worker) {
    AnyFold& fold = *folds[worker];
    visitors.push_back(
        {[&fold](const RawTile& tile, MatrixView<const double> targets) { fold.add(tile, targets); },
         [&fold] { fold.settle(); },
         [&tree, &fold, &finished = segments[worker]](std::uint64_t segment) {
           tree.put(segment, fold.finish());
           finished.push_back(segment);
         }});
  }
  guarded([&] { stream_.pass(crew, visitors); });
  return tree.finish();
}

Moments LayerPasses::fold(std::size_t targets) {
  folders_ = crew();
  const std::uint64_t per_sample = plan_.format.rows_per_sample();
  FoldSpec spec{plan_.format, targets, plan_.segment_samples * per_sample, plan_.normalized_scatter, 0,
                precision_};
  spec.rows = std::min(spec.rows, plan_.rows);
  if (plan_.backend_keeps) {
    spec.kept_rows =
        folders_->size() == 1 ? plan_.rows : std::min(plan_.rows, plan_.run_segments * spec.rows);
  }
  for (std::size_t worker = 0; worker < folders_->size(); ++worker) {
    folds_.push_back((*folders_)[worker].make_fold(spec));
  }
  Moments moments = through<Moments>(*folders_, folds_, folded_);
  if (plan_.backend_keeps) {
    folders_->run(folds_.size(), [&](std::size_t fold, std::size_t) { folds_[fold]->close(); });
  } else {
    folds_.clear();
  }
  return moments;
}

// nullopt: not all of them are.
std::optional<ResidualSums> LayerPasses::look_at_kept(const LookSpec& spec) {
  const auto folds = std::exchange(folds_, {});
  if (folds.empty()) {
    return std::nullopt;
  }
  SegmentTree<ResidualSums> tree;
  std::atomic<bool> all = true;
  folders_->run(folds.size(), [&](std::size_t fold, std::size_t) {
    const auto found = folds[fold]->look_again(spec);
    all = all && found;
    for (std::size_t i = 0; found && i < found->size(); ++i) {
      tree.put(folded_[fold][i], (*found)[i]);
    }
  });
  return all ? std::optional(tree.finish()) : std::nullopt;
}

ResidualSums LayerPasses::look(LookSpec spec) {
  spec.rows = std::min(plan_.rows, plan_.segment_samples * plan_.format.rows_per_sample());
  if (const std::optional<ResidualSums> sums = look_at_kept(spec)) {
    return *sums;
  }
  const Crew workers = crew();
  std::vector<std::unique_ptr<ResidualFold>> looks;
  for (std::size_t worker = 0; worker < workers.size(); ++worker) {
    looks.push_back(workers[worker].make_look(spec));
  }
  std::vector<std::vector<std::uint64_t>> looked;
  return through<ResidualSums>(workers, looks, looked);
}

}  // namespace collapscope
