// The layers of an analysis on this process: planned, put in an order, and measured, alone, in turns or side
// by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "analysis/checkpoint_work.hpp"
#include "analysis/divide.hpp"
#include "analysis/schedule.hpp"
#include "backend/crew.hpp"

namespace collapscope {

struct LayerWorkParts {
  Backend& backend;
  const AnalysisOptions& options;
  std::uint64_t memory;
  Progress& progress;
  Journal& journal;
  WorkRecord& record;
};

// Of one checkpoint: numbers of its layers.
using LayersOfCheckpoint = std::vector<std::size_t>;

class LayerWork {
 public:
  explicit LayerWork(const LayerWorkParts& parts) : parts_(parts), whole_(parts.backend, parts.memory) {}

  void add(const Checkpoint& checkpoint, const std::vector<const LayerIndex*>& layers);
  // What earlier runs have finished is taken over; the layers of each checkpoint that are left.
  [[nodiscard]] std::vector<LayersOfCheckpoint> take_finished();

  // These, and the targets of their checkpoints; of checkpoints without layers, too, which fails them.
  // measured: checkpoints whose targets are measured already.
  void measure(const std::vector<LayersOfCheckpoint>& layers, const std::vector<bool>& measured = {});

  [[nodiscard]] std::deque<CheckpointWork>& works() { return works_; }
  [[nodiscard]] const LayerWorkParts& parts() const { return parts_; }
  // For what is done alone: the whole backend, and all of the memory.
  [[nodiscard]] Worker& whole() { return whole_.worker(0); }
  // About; of a layer that cannot be planned nothing.
  [[nodiscard]] LayerCost cost(std::size_t checkpoint, std::size_t layer) const;
  // Of the layer, as stored but decompressed.
  [[nodiscard]] std::uint64_t bytes_of_rows(std::size_t checkpoint, std::size_t layer) const;
  // That the whole analysis has to read.
  [[nodiscard]] std::uint64_t bytes_to_read(const std::vector<LayersOfCheckpoint>& layers) const;

 private:
  // How layers may be measured, by their places in `layers`, and how many of them at a time side by side.
  struct Ways {
    PacesOfLayers paces;
    std::size_t most;
  };
  // The same of one layer.
  struct Way {
    bool in_turns;
    std::size_t beside;
  };

  [[nodiscard]] Ways ways(const std::vector<LayersOfCheckpoint>& layers) const;
  [[nodiscard]] Way way(const CheckpointWork& work, std::size_t layer) const;
  void take(const Step& step, const std::vector<LayersOfCheckpoint>& layers, Worker& worker);

  LayerWorkParts parts_;
  Crew whole_;  // one worker with everything
  std::deque<CheckpointWork> works_;
};

}  // namespace collapscope
