#include "analysis/rank_work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "analysis/outcome.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

// Seconds of work below which a layer is not worth sharing.
constexpr double least_shared = 0.05;
constexpr int outcome_tag = Ranks::last_tag - 2;

}  // namespace

RankWork::RankWork(Ranks& ranks, LayerWork& layers) : ranks_(ranks), layers_(layers) {}

RankWork::Division RankWork::divided(const std::vector<LayersOfCheckpoint>& left) const {
  std::vector<LayerCost> costs;
  for (std::size_t checkpoint = 0; checkpoint < left.size(); ++checkpoint) {
    for (const std::size_t layer : left[checkpoint]) {
      costs.push_back(layers_.cost(checkpoint, layer));
    }
  }
  std::vector<std::vector<Share>> shares = divide(costs, ranks_.size(), least_shared);
  Division division;
  auto next = shares.begin();
  for (const LayersOfCheckpoint& layers : left) {
    auto& of_checkpoint = division.emplace_back();
    for (std::size_t i = 0; i < layers.size(); ++i) {
      of_checkpoint.push_back(std::move(*next++));
    }
  }
  return division;
}

// Other plans or kinds of devices would give other segments, other files other numbers.
void RankWork::require_agreement(const Division& division) {
  std::vector<std::string> facts{
      fmt::format("arithmetic on the {}", layers_.parts().backend.is_device() ? "GPU" : "CPU")};
  std::size_t layers = 0;
  std::string shares;
  for (const auto& of_checkpoint : division) {
    layers += of_checkpoint.size();
    for (const std::vector<Share>& of_layer : of_checkpoint) {
      for (const Share& share : of_layer) {
        shares += fmt::format("{}:{} ", share.rank, share.segments.last);
      }
    }
  }
  facts.push_back(fmt::format("{} checkpoints with {} layers left to measure", division.size(), layers));
  facts.push_back(fmt::format("shares {:016x} of the layers", std::hash<std::string>()(shares)));
  if (const auto error = common_error(ranks_, std::nullopt, facts)) {
    throw CommonError(*error);
  }
}

void RankWork::take_up(const std::vector<LayersOfCheckpoint>& left, const Division& division) {
  const std::size_t me = ranks_.rank();
  std::size_t number = 0;  // of shared layers
  mine_.assign(left.size(), {});
  for (std::size_t checkpoint = 0; checkpoint < left.size(); ++checkpoint) {
    std::size_t here = 0;
    for (std::size_t i = 0; i < left[checkpoint].size(); ++i) {
      const std::vector<Share>& shares = division[checkpoint][i];
      const bool takes_part =
          std::any_of(shares.begin(), shares.end(), [&](const Share& share) { return share.rank == me; });
      here += takes_part ? 1 : 0;
      if (shares.size() > 1 && takes_part) {
        checkpoints_.push_back(checkpoint);
        shared_.push_back(std::make_unique<SharedLayer>(layers_.works()[checkpoint], left[checkpoint][i],
                                                        shares, number, ranks_, layers_.whole()));
      } else if (takes_part) {
        mine_[checkpoint].push_back(left[checkpoint][i]);
      }
      number += shares.size() > 1 ? 1 : 0;
    }
    layers_.works()[checkpoint].expect(here);
  }
}

// Whoever only has a part of a layer that another rank owns needs no summary of the targets.
void RankWork::measure_targets_of_shared() {
  measured_.assign(mine_.size(), false);
  std::vector<bool> wanted(mine_.size(), false);
  for (std::size_t i = 0; i < shared_.size(); ++i) {
    wanted[checkpoints_[i]] =
        wanted[checkpoints_[i]] || shared_[i]->is_owned() || !mine_[checkpoints_[i]].empty();
  }
  Worker& whole = layers_.whole();
  for (const std::size_t checkpoint : checkpoints_) {
    if (measured_[checkpoint]) {
      continue;
    }
    measured_[checkpoint] = true;
    CheckpointWork& work = layers_.works()[checkpoint];
    if (wanted[checkpoint]) {
      work.measure_targets(whole, whole.memory / 8);
      continue;
    }
    try {
      work.open_targets(whole);
    } catch (const Error&) {
      // The owner finds the same, or this rank's part of the layer fails.
    }
  }
}

// Those that others own first: their owners wait for it.
void RankWork::measure_shared(void (SharedLayer::*step)()) {
  for (const bool owned : {false, true}) {
    for (const std::unique_ptr<SharedLayer>& layer : shared_) {
      if (layer->is_owned() == owned) {
        ((*layer).*step)();
      }
    }
  }
}

void RankWork::measure(const std::vector<LayersOfCheckpoint>& left) {
  const Division division = divided(left);
  require_agreement(division);
  take_up(left, division);
  std::vector<LayerPlace> owned;
  for (std::size_t checkpoint = 0; checkpoint < mine_.size(); ++checkpoint) {
    for (const std::size_t layer : mine_[checkpoint]) {
      owned.push_back(layers_.works()[checkpoint].place(layer));
    }
  }
  for (const std::unique_ptr<SharedLayer>& layer : shared_) {
    if (layer->is_owned()) {
      owned.push_back(layer->work().place(layer->layer()));
    }
  }
  layers_.parts().record.begin_saving(
      [&](const LayerPlace& place) { return std::find(owned.begin(), owned.end(), place) != owned.end(); },
      ranks_.rank() == 0);

  Journal& journal = layers_.parts().journal;
  if (ranks_.rank() == 0) {
    layers_.parts().progress.start(layers_.bytes_to_read(left));
    ranks_.on_progress([&journal](std::uint64_t bytes) { journal.others_advance(bytes); });
  } else {
    journal.pass_on([this](std::uint64_t bytes) { ranks_.tell_progress(bytes); });
  }
  measure_targets_of_shared();
  for (const std::unique_ptr<SharedLayer>& layer : shared_) {
    if (layer->is_owned()) {
      layer->start();
    }
  }
  measure_shared(&SharedLayer::fold);
  layers_.measure(mine_, measured_);
  measure_shared(&SharedLayer::look);
  for (const std::unique_ptr<SharedLayer>& layer : shared_) {
    if (layer->is_owned() && layer->is_left_over()) {
      layer->work().measure_layer(layer->layer(), layers_.whole());
    }
  }
}

WorkEnd RankWork::gather(Provenance& provenance) {
  const WorkRecord& record = layers_.parts().record;
  WorkEnd end{record.was_stopped(), record.is_saved()};
  if (ranks_.rank() != 0) {
    RankOutcome outcome;
    for (const CheckpointWork& work : layers_.works()) {
      outcome.checkpoints.push_back(work.outcome());
    }
    outcome.bytes_read = provenance.bytes_read;
    outcome.fallbacks = provenance.fallbacks;
    outcome.end = end;
    ranks_.send(0, outcome_tag, packed(outcome));
    return unpacked<WorkEnd>(ranks_.receive(0, outcome_tag));
  }
  for (std::size_t other = 1; other < ranks_.size(); ++other) {
    RankOutcome outcome = unpacked<RankOutcome>(ranks_.receive(other, outcome_tag));
    for (std::size_t i = 0; i < outcome.checkpoints.size(); ++i) {
      layers_.works()[i].absorb(std::move(outcome.checkpoints[i]));
    }
    provenance.bytes_read += outcome.bytes_read;
    provenance.fallbacks.add(outcome.fallbacks);
    end.was_stopped = end.was_stopped || outcome.end.was_stopped;
    end.is_saved = end.is_saved && outcome.end.is_saved;
  }
  for (std::size_t other = 1; other < ranks_.size(); ++other) {
    ranks_.send(other, outcome_tag, packed(end));
  }
  ranks_.on_progress({});
  provenance.ranks = ranks_.size();
  return end;
}

}  // namespace collapscope
