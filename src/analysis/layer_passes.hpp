// A layer's rows through the backend or those who stand in for it: folded, and looked at again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "analysis/layer_sums.hpp"
#include "analysis/tile_stream.hpp"
#include "backend/crew.hpp"
#include "backend/turns.hpp"
#include "collapscope/analysis/analysis.hpp"

namespace collapscope {

class LayerPasses {
 public:
  // sums: where finished segments go. turns: null, or those of the backend's device.
  LayerPasses(const std::vector<LayerIndex>& shards, TargetRows& targets, const LayerPlan& plan,
              Precision precision, Backend& backend, LayerSums& sums, const LayerListener& listener,
              Turns* turns = nullptr);

  // wanted: segments of the layer that the sums do not hold, in order. Each at most once, the fold first;
  // targets: n. Throw InputError, for NaN and Inf with the first such row.
  void fold(std::size_t targets, const std::vector<SegmentRange>& wanted);
  void look(LookSpec spec, const std::vector<SegmentRange>& wanted);
  // What a device has of the feature scatter after the fold of a layer of one segment; null: nothing.
  [[nodiscard]] std::shared_ptr<const OnDevice> take_scatter() { return std::move(scatter_); }
  // To be taken for an eigenbasis between the two looks.
  [[nodiscard]] HeldTurn& computing() { return computing_; }

 private:
  template <class Work>
  auto guarded(const Work& work);
  [[nodiscard]] Crew crew();
  // One fold for each of the crew; told which segments each has finished, in this order. order: of the turn
  // to compute, which each tile takes.
  template <class Value, class AnyFold>
  void through(const Crew& crew, const std::vector<std::unique_ptr<AnyFold>>& folds, SegmentTree<Value>& tree,
               const std::vector<SegmentRange>& wanted, std::vector<std::vector<std::uint64_t>>& finished,
               Order order);
  // The sums of a segment, in the turn to compute.
  template <class AnyFold>
  auto finished_by(AnyFold& fold, Order order);
  // The same with the only fold, which brings tiles ahead: another thread sums them.
  void sum_behind(MomentFold& fold, const std::vector<SegmentRange>& wanted);
  void look_at_kept(const LookSpec& spec, const std::vector<SegmentRange>& wanted);

  std::vector<DatasetIndex> shards_;
  const LayerPlan& plan_;
  SameTargets same_targets_;
  Precision precision_;
  Backend& backend_;
  LayerSums& sums_;
  const LayerListener& listener_;
  HeldTurn reading_;
  HeldTurn summing_;
  HeldTurn computing_;
  bool takes_turns_;
  TileStream stream_;
  // While they may be asked to look again: the folds of the workers, and the segments that each has finished.
  std::optional<Crew> folders_;
  std::vector<std::unique_ptr<MomentFold>> folds_;
  std::vector<std::vector<std::uint64_t>> folded_;
  std::shared_ptr<const OnDevice> scatter_;
};

}  // namespace collapscope
