// A checkpoint at work: its targets are measured first, then its layers, whose tasks may run side by side.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <memory>
#include <optional>
#include <vector>

#include "analysis/journal.hpp"
#include "analysis/layer_queue.hpp"
#include "analysis/measure.hpp"
#include "analysis/run_metrics.hpp"
#include "analysis/work_record.hpp"

namespace collapscope {

class CheckpointWork {
 public:
  // number: its place among those of the analysis. layers: in the order of their tasks. All of these outlive
  // it.
  CheckpointWork(std::size_t number, const Checkpoint& checkpoint,
                 const std::vector<const LayerIndex*>& layers, const AnalysisOptions& options,
                 Journal& journal, WorkRecord& record);

  [[nodiscard]] std::size_t layers() const { return layers_.size(); }
  // Throws as plan_layer and layer_shards do.
  [[nodiscard]] LayerPlan plan(std::size_t layer, Backend& backend, std::uint64_t memory) const;
  // The layer's first look, in one segment.
  [[nodiscard]] FoldSpec fold_spec(const LayerPlan& plan) const;

  // Each of these once: the targets, kept when they take at most `keep_bytes`, and every layer, of which none
  // ends before the targets do. What fails is told and remembered.
  void measure_targets(Desk& desk, std::uint64_t keep_bytes);
  void measure_layer(std::size_t layer, Desk& desk, LayerQueue& queue);

  // When all are done: adds what came of it, in the layers' order in the file's index.
  void take(Results& results, std::vector<RunMember>& members);

 private:
  struct Layer {
    const LayerIndex* index;
    std::optional<LayerResult> result;
    std::optional<Nrc3Inputs> nrc3;
    std::optional<Failure> failure;
  };

  [[nodiscard]] const CheckpointIndex& first() const { return checkpoint_.front(); }
  [[nodiscard]] CheckpointResult checkpoint_result(std::uint64_t samples, MetricSet targets) const;
  // layer: of the first shard.
  [[nodiscard]] LayerPlace place_of(const LayerIndex& layer) const;
  [[nodiscard]] std::vector<LayerIndex> shards_of(const LayerIndex& layer) const;
  void read_targets(Backend& backend, std::uint64_t keep_bytes, std::uint64_t memory);
  // From an earlier run. False: it has none, or layers are left to do.
  bool take_finished();
  [[nodiscard]] LayerFacts facts(const LayerIndex& layer, const LayerPlan& plan, Backend& backend) const;
  // Tells it, unless it is empty.
  void remark(const DatasetIndex& dataset, const std::string& text);
  void measure(Layer& layer, Desk& desk, LayerQueue& queue);
  // again: nothing of its sums can be used.
  [[nodiscard]] LayerSummary measured(const LayerIndex& layer, Backend& backend, std::uint64_t memory,
                                      bool again);
  [[nodiscard]] LayerSummary measured(const LayerIndex& layer, const LayerPlan& plan, Backend& backend,
                                      LayerSums& sums);
  [[nodiscard]] LayerSummary measured_whatever_fails(const LayerIndex& layer, Desk& desk, LayerQueue& queue);

  std::size_t number_;
  const Checkpoint& checkpoint_;
  const AnalysisOptions& options_;
  Journal& journal_;
  WorkRecord& record_;
  std::vector<Layer> layers_;
  std::latch targets_done_{1};  // or failed
  std::unique_ptr<TargetRows> targets_;
  TargetSummary summary_;
  std::optional<CheckpointResult> result_;  // without layers; nullopt: it failed
  std::optional<Failure> failure_;
  std::optional<Failure> model_failure_;  // of the predictions
  std::atomic<std::size_t> layers_left_;
};

}  // namespace collapscope
