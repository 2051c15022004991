#include "analysis/layer_work.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "analysis/plan_costs.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope {

void LayerWork::add(const Checkpoint& checkpoint, const std::vector<const LayerIndex*>& layers) {
  works_.emplace_back(works_.size(), checkpoint, layers, parts_.options, parts_.journal, parts_.record);
}

std::vector<LayersOfCheckpoint> LayerWork::take_finished() {
  std::vector<LayersOfCheckpoint> left;
  std::size_t all = 0;
  for (CheckpointWork& work : works_) {
    all += work.layers();
    left.push_back(work.take_finished());
  }
  parts_.record.expect(all);
  return left;
}

void LayerWork::measure(const std::vector<LayersOfCheckpoint>& layers, const std::vector<bool>& measured) {
  using Backends = std::span<Backend* const>;
  const Ways found = ways(layers);
  const std::size_t least = parts_.backend.least_layer_workers();
  const std::size_t most = std::min(found.most, most_workers(found.paces, least));
  Crew several(most == 0 ? Backends() : parts_.backend.layer_workers(most), parts_.memory);
  std::vector<Step> steps = schedule(found.paces, several.size(), least);
  Crew two = Crew::in_turns(has_turns(steps) ? parts_.backend.turn_workers() : Backends(), parts_.memory);
  std::erase_if(steps, [&](const Step& step) {
    const bool is_done = !measured.empty() && measured[step.checkpoint];
    const bool has_layers = !layers[step.checkpoint].empty() || works_[step.checkpoint].layers() == 0;
    return !step.layer && (is_done || !has_layers);
  });
  for (std::size_t begin = 0; begin < steps.size();) {
    const Pace pace = steps[begin].pace;
    Crew& crew = pace == Pace::beside ? several : pace == Pace::in_turns && two.size() > 1 ? two : whole_;
    std::size_t end = begin + 1;
    while (end < steps.size() && steps[end].pace == pace) {
      ++end;
    }
    crew.run(end - begin, [&](std::size_t step, std::size_t worker) {
      crew.worker(worker).use_what_works();
      take(steps[begin + step], layers, crew.worker(worker));
    });
    begin = end;
  }
}

void LayerWork::take(const Step& step, const std::vector<LayersOfCheckpoint>& layers, Worker& worker) {
  CheckpointWork& work = works_[step.checkpoint];
  if (step.layer) {
    work.measure_layer(layers[step.checkpoint][*step.layer], worker);
  } else {
    // Else the targets of some checkpoints are in memory at the same time.
    work.measure_targets(worker, worker.memory / (step.pace == Pace::alone ? 8 : 16));
  }
}

LayerWork::Ways LayerWork::ways(const std::vector<LayersOfCheckpoint>& layers) const {
  Ways found{{}, std::numeric_limits<std::size_t>::max()};
  for (std::size_t checkpoint = 0; checkpoint < works_.size(); ++checkpoint) {
    std::vector<Paces>& paces = found.paces.emplace_back();
    for (const std::size_t layer : layers[checkpoint]) {
      const Way one = way(works_[checkpoint], layer);
      const bool beside = one.beside >= parts_.backend.least_layer_workers();
      paces.push_back({beside, one.in_turns});
      found.most = beside ? std::min(found.most, one.beside) : found.most;
    }
  }
  return found;
}

// Each worker has its share of the memory, also when it falls back. What fails for other reasons than memory
// fails anywhere, and soon.
LayerWork::Way LayerWork::way(const CheckpointWork& work, std::size_t layer) const {
  Backend& backend = parts_.backend;
  try {
    const LayerPlan plan = work.plan(layer, backend, parts_.memory);
    std::uint64_t least = plan.least_memory;
    if (Backend* const fallback = backend.fallback()) {
      least = std::max(least, work.plan(layer, *fallback, parts_.memory).least_memory);
    }
    const FoldSpec spec = work.fold_spec(plan);
    const std::uint64_t fit = parts_.memory / least;
    return {plan.backend_keeps && plan.workers < 2 && fit >= 2 && backend.takes_turns(spec),
            std::min<std::uint64_t>(backend.layer_workers_for(spec), fit)};
  } catch (const UsageError&) {
    return {false, 0};
  } catch (const Error&) {
    return {true, std::numeric_limits<std::size_t>::max()};
  }
}

LayerCost LayerWork::cost(std::size_t checkpoint, std::size_t layer) const {
  try {
    const LayerPlan plan = works_[checkpoint].plan(layer, parts_.backend, parts_.memory);
    const double products = operations_of(plan.rows, plan.format.row_length());
    const double reading = static_cast<double>(plan.bytes) * plan.passes();
    return {products / product_rate + reading / plain_read_rate, plan.segments()};
  } catch (const Error&) {
    return {0, 1};  // told when its turn comes
  }
}

std::uint64_t LayerWork::bytes_of_rows(std::size_t checkpoint, std::size_t layer) const {
  try {
    return works_[checkpoint].plan(layer, parts_.backend, parts_.memory).bytes;
  } catch (const Error&) {
    return 0;
  }
}

std::uint64_t LayerWork::bytes_to_read(const std::vector<LayersOfCheckpoint>& layers) const {
  std::uint64_t bytes = 0;
  for (std::size_t checkpoint = 0; checkpoint < works_.size(); ++checkpoint) {
    for (const std::size_t layer : layers[checkpoint]) {
      try {
        const LayerPlan plan = works_[checkpoint].plan(layer, parts_.backend, parts_.memory);
        bytes += plan.bytes * static_cast<unsigned>(plan.passes());
      } catch (const Error&) {
        // Told when its turn comes.
      }
    }
  }
  return bytes;
}

}  // namespace collapscope
