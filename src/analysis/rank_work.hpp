// An analysis by several ranks: what this one does, and how the first one gets all of it.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "analysis/layer_work.hpp"
#include "analysis/outcome.hpp"
#include "analysis/shared_layer.hpp"
#include "collapscope/ranks/ranks.hpp"

namespace collapscope {

class RankWork {
 public:
  // Both outlive it.
  RankWork(Ranks& ranks, LayerWork& layers);

  // This rank's part of these layers. Throws UsageError where the ranks do not agree on what there is to do.
  void measure(const std::vector<LayersOfCheckpoint>& left);
  // The first rank gets what the others have measured. How all of them have ended.
  [[nodiscard]] WorkEnd gather(Provenance& provenance);

 private:
  using Division = std::vector<std::vector<std::vector<Share>>>;  // [checkpoint][place among those left]

  [[nodiscard]] Division divided(const std::vector<LayersOfCheckpoint>& left) const;
  void require_agreement(const Division& division);
  void take_up(const std::vector<LayersOfCheckpoint>& left, const Division& division);
  void measure_targets_of_shared();
  void measure_shared(void (SharedLayer::*step)());

  Ranks& ranks_;
  LayerWork& layers_;
  std::vector<LayersOfCheckpoint> mine_;  // whole ones
  std::vector<bool> measured_;            // whose targets are
  std::vector<std::size_t> checkpoints_;  // of shared_
  std::vector<std::unique_ptr<SharedLayer>> shared_;
};

}  // namespace collapscope
