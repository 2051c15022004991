#include "analysis/layer_passes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "analysis/joined_reader.hpp"
#include "collapscope/core/error.hpp"
#include "core/done_behind.hpp"
#include "core/segment_tree.hpp"

namespace collapscope {

namespace {

// Of a layer of several segments, as stored, from which another thread for its sums is worth its while: some
// milliseconds of reading.
constexpr std::uint64_t least_bytes_behind = std::uint64_t{1} << 26U;

std::vector<DatasetIndex> activations_of(const std::vector<LayerIndex>& shards) {
  std::vector<DatasetIndex> datasets;
  for (const LayerIndex& shard : shards) {
    datasets.push_back(shard.activations);
  }
  return datasets;
}

}  // namespace

LayerPasses::LayerPasses(const std::vector<LayerIndex>& shards, TargetRows& targets, const LayerPlan& plan,
                         Precision precision, Backend& backend, LayerSums& sums,
                         const LayerListener& listener, Turns* turns)
    : shards_(activations_of(shards)),
      plan_(plan),
      same_targets_{targets.number(), plan.rows},
      precision_(precision),
      backend_(backend),
      sums_(sums),
      listener_(listener),
      reading_(turns == nullptr ? nullptr : &turns->reading),
      summing_(turns == nullptr ? nullptr : &turns->summing),
      computing_(turns == nullptr ? nullptr : &turns->computing),
      takes_turns_(turns != nullptr),
      stream_(plan, plan.tile_rows,
              open_joined(shards_, {plan.cache_bytes, backend.threads(), plan.buffer_bytes}), targets,
              listener.read, [&backend](std::size_t size) { return backend.make_host_buffer(size); }) {}

// Says where the sample is that a fold could not take.
template <class Work>
auto LayerPasses::guarded(const Work& work) {
  try {
    return work();
  } catch (const NonFiniteSample& offending) {
    // A device tells at the end of a segment, and knows nothing of what was left out.
    const bool is_known = !(backend_.is_device() && stream_.leaves_out());
    const std::uint64_t sample =
        is_known ? offending.sample : stream_.first_not_finite().value_or(offending.sample);
    const ShardSample at = locate(shards_, sample);
    throw InputError(shards_[at.shard].file, shards_[at.shard].object,
                     fmt::format("found NaN or Inf, first in row {}; expected finite numbers", at.sample));
  }
}

Crew LayerPasses::crew() {
  const std::size_t workers = stream_.workers();
  return workers == 1 ? Crew(backend_)
                      : Crew(backend_.segment_workers(plan_.format.row_length()).first(workers));
}

template <class Value, class AnyFold>
void LayerPasses::through(const Crew& crew, const std::vector<std::unique_ptr<AnyFold>>& folds,
                          SegmentTree<Value>& tree, const std::vector<SegmentRange>& wanted,
                          std::vector<std::vector<std::uint64_t>>& finished, Order order) {
  finished.assign(crew.size(), {});
  std::vector<TileStream::Visitor> visitors;
  for (std::size_t worker = 0; worker < crew.size(); ++worker) {
    AnyFold& fold = *folds[worker];
    visitors.push_back({[this, &fold, order](const RawTile& tile, MatrixView<const double> targets) {
                          listener_.tile();
                          const InTurn computes(&computing_, order);
                          fold.add(tile, targets);
                        },
                        [&fold] { fold.settle(); },
                        [this, &tree, &fold, order, &mine = finished[worker]](std::uint64_t segment) {
                          tree.put(segment, finished_by(fold, order));
                          mine.push_back(segment);
                          listener_.segment();
                        }});
  }
  guarded([&] { stream_.pass(crew, visitors, wanted); });
}

template <class AnyFold>
auto LayerPasses::finished_by(AnyFold& fold, Order order) {
  const InTurn computes(&computing_, order);
  return fold.finish();
}

// What has been read waits on the device until it is summed: for this layer's turn, or while the sums of a
// segment come down and are merged.
void LayerPasses::sum_behind(MomentFold& fold, const std::vector<SegmentRange>& wanted) {
  using Event = std::optional<std::uint64_t>;  // a tile, or the end of this segment
  folded_.assign(1, {});
  DoneBehind<Event> behind([&](const Event& segment) {
    summing_.take();
    if (segment) {
      sums_.moments.put(*segment, finished_by(fold, Order::behind));
      folded_.front().push_back(*segment);
      listener_.segment();
    } else {
      const InTurn computes(&computing_, Order::behind);
      fold.sum_brought();
    }
  });
  // What it throws may make the caller read the layer again.
  const auto finish = [&] {
    try {
      behind.finish();
    } catch (...) {
      summing_.give_back();
      throw;
    }
    summing_.give_back();
  };
  const TileStream::Visitor visitor{[&](const RawTile& tile, MatrixView<const double> rows) {
                                      listener_.tile();
                                      fold.bring(tile, rows);
                                      behind.put(std::nullopt);
                                    },
                                    [&] { fold.settle(); },
                                    [&](std::uint64_t segment) { behind.put(segment); }};
  guarded([&] {
    try {
      stream_.pass(*folders_, {visitor}, wanted);
    } catch (const Stopped&) {
      throw;
    } catch (...) {
      finish();  // what was found in rows before comes out instead
      throw;
    }
    reading_.give_back();
    finish();
  });
}

void LayerPasses::fold(std::size_t targets, const std::vector<SegmentRange>& wanted) {
  folders_ = crew();
  const std::uint64_t per_sample = plan_.format.rows_per_sample();
  FoldSpec spec{plan_.format,
                plan_.classes > 0 ? 0 : targets,
                plan_.segment_samples * per_sample,
                plan_.normalized_scatter,
                0,
                precision_,
                plan_.classes,
                plan_.unit_classes,
                {},
                same_targets_,
                plan_.few_rows ? RowKeeping::all : RowKeeping::none};
  spec.rows = std::min(spec.rows, plan_.rows);
  // Several workers keep rows only where each has one run of segments.
  const bool whole = wanted == std::vector<SegmentRange>{{0, plan_.segments()}};
  const bool keeps = plan_.backend_keeps && (whole || folders_->size() == 1);
  if (keeps) {
    spec.kept_rows =
        folders_->size() == 1 ? plan_.rows : std::min(plan_.rows, plan_.run_segments * spec.rows);
  }
  spec.scatter_stays = whole && plan_.segments() == 1;
  for (std::size_t worker = 0; worker < folders_->size(); ++worker) {
    folds_.push_back((*folders_)[worker].make_fold(spec));
  }
  reading_.take();
  const bool is_long = plan_.segments() > 1 && plan_.bytes >= least_bytes_behind;
  if ((takes_turns_ || is_long) && folds_.size() == 1 && folds_.front()->brings_ahead()) {
    sum_behind(*folds_.front(), wanted);
  } else {
    summing_.take();
    through(*folders_, folds_, sums_.moments, wanted, folded_, Order::behind);
    reading_.give_back();
    summing_.give_back();
  }
  scatter_ = folds_.front()->take_scatter();
  if (keeps) {
    folders_->run(folds_.size(), [&](std::size_t fold, std::size_t) { folds_[fold]->close(); });
  } else {
    folds_.clear();
  }
}

// Puts in what the folds can tell of the rows that they have kept.
void LayerPasses::look_at_kept(const LookSpec& spec, const std::vector<SegmentRange>& wanted) {
  const auto folds = std::exchange(folds_, {});
  if (folds.empty()) {
    return;
  }
  const auto is_wanted = [&](std::uint64_t segment) {
    return std::any_of(wanted.begin(), wanted.end(), [&](const SegmentRange& range) {
      return range.first <= segment && segment < range.last;
    });
  };
  const InTurn computes(&computing_, Order::ahead);
  folders_->run(folds.size(), [&](std::size_t fold, std::size_t) {
    const auto found = folds[fold]->look_again(spec);
    for (std::size_t i = 0; found && i < found->size(); ++i) {
      const std::uint64_t segment = folded_[fold][i];
      if (is_wanted(segment)) {
        sums_.residuals.put(segment, (*found)[i]);
      }
    }
  });
}

void LayerPasses::look(LookSpec spec, const std::vector<SegmentRange>& wanted) {
  spec.rows = std::min(plan_.rows, plan_.segment_samples * plan_.format.rows_per_sample());
  spec.same_targets = same_targets_;
  look_at_kept(spec, wanted);
  const std::vector<Subtree> done = sums_.residuals.places();
  std::vector<SegmentRange> left;
  for (const SegmentRange& range : wanted) {
    const std::vector<SegmentRange> rest = outside(range, done);
    left.insert(left.end(), rest.begin(), rest.end());
  }
  if (left.empty()) {
    return;
  }
  const Crew workers = crew();
  std::vector<std::unique_ptr<ResidualFold>> looks;
  for (std::size_t worker = 0; worker < workers.size(); ++worker) {
    looks.push_back(workers[worker].make_look(spec));
  }
  std::vector<std::vector<std::uint64_t>> looked;
  through(workers, looks, sums_.residuals, left, looked, Order::ahead);
}

}  // namespace collapscope
