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

namespace collapscope {

class CheckpointWork {
 public:
  // layers: in the order of their tasks. All of these outlive it.
  CheckpointWork(const Checkpoint& checkpoint, const std::vector<const LayerIndex*>& layers,
                 const AnalysisOptions& options, Journal& journal);

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
  [[nodiscard]] std::vector<LayerIndex> shards_of(const LayerIndex& layer) const;
  void read_targets(Backend& backend, std::uint64_t keep_bytes, std::uint64_t memory);
  // Tells it, unless it is empty.
  void remark(const DatasetIndex& dataset, const std::string& text);
  void measure(Layer& layer, Desk& desk, LayerQueue& queue);
  [[nodiscard]] LayerSummary measured(const LayerIndex& layer, Backend& backend, std::uint64_t memory);
  [[nodiscard]] LayerSummary measured_whatever_fails(const LayerIndex& layer, Desk& desk, LayerQueue& queue);

  const Checkpoint& checkpoint_;
  const AnalysisOptions& options_;
  Journal& journal_;
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
