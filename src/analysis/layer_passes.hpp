// A layer's rows through the backend: folded, and looked at again.
#pragma once

#include <memory>
#include <vector>

#include "analysis/tile_stream.hpp"
#include "collapscope/analysis/analysis.hpp"

namespace collapscope {

class LayerPasses {
 public:
  LayerPasses(const std::vector<LayerIndex>& shards, TargetRows& targets, const LayerPlan& plan,
              Precision precision, Backend& backend, const TileStream::ReadListener& listener);

  // Each at most once, the fold first; targets: n. Throw InputError, for NaN and Inf with the first such row.
  [[nodiscard]] Moments fold(std::size_t targets);
  [[nodiscard]] ResidualSums look(LookSpec spec);

 private:
  template <class Work>
  auto guarded(const Work& work);
  template <class Pass>
  auto through(Pass& pass);
  template <class AnyLanes>
  auto through_lanes(AnyLanes&& lanes);

  std::vector<DatasetIndex> shards_;
  const LayerPlan& plan_;
  Precision precision_;
  Backend& backend_;
  TileStream stream_;
  std::unique_ptr<MomentFold> fold_;  // while it may be asked to look again
};

}  // namespace collapscope
