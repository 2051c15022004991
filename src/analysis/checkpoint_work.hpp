// A checkpoint at work: its targets are measured first, then its layers, whose tasks may run side by side.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "analysis/journal.hpp"
#include "analysis/layer_passes.hpp"
#include "analysis/measure.hpp"
#include "analysis/outcome.hpp"
#include "analysis/run_metrics.hpp"
#include "analysis/work_record.hpp"
#include "backend/crew.hpp"

namespace collapscope {

// What the passes over a layer's rows need.
struct LayerAccess {
  std::vector<LayerIndex> shards;
  LayerPlan plan;
  TargetRows* targets = nullptr;
  LayerSums* sums = nullptr;
  LayerListener listener;
  Precision precision = Precision::float64;
  Turns* turns = nullptr;  // of the worker; null: it takes none
  // Segments whose sums another rank has.
  std::vector<Subtree> folded{};
  std::vector<Subtree> looked_at{};

  [[nodiscard]] LayerPasses passes(Backend& backend) const {
    return {shards, *targets, plan, precision, backend, *sums, listener, turns};
  }
};

class CheckpointWork {
 public:
  // number: its place among those of the analysis. layers: in the order of their tasks. All of these outlive
  // it.
  CheckpointWork(std::size_t number, const Checkpoint& checkpoint,
                 const std::vector<const LayerIndex*>& layers, const AnalysisOptions& options,
                 Journal& journal, WorkRecord& record);

  [[nodiscard]] std::size_t layers() const { return layers_.size(); }
  // Takes what earlier runs have finished; the layers that are left.
  [[nodiscard]] std::vector<std::size_t> take_finished();
  // Throws as plan_layer and layer_shards do.
  [[nodiscard]] LayerPlan plan(std::size_t layer, Backend& backend, std::uint64_t memory) const;
  // The layer's first look, in one segment.
  [[nodiscard]] FoldSpec fold_spec(const LayerPlan& plan) const;

  // After measure_targets.
  [[nodiscard]] const TargetSummary& target_summary() const { return summary_; }
  [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }
  [[nodiscard]] const std::optional<Failure>& model_failure() const { return model_failure_; }

  // How many layers are measured here; all, unless this says otherwise.
  void expect(std::size_t layers) { layers_left_ = layers; }
  // Each of these once: the targets, kept when they take at most `keep_bytes`, and every layer, of which none
  // ends before the targets do. What fails is told and remembered.
  void measure_targets(Worker& worker, std::uint64_t keep_bytes);
  void measure_layer(std::size_t layer, Worker& worker);

  // For a layer that is measured in steps, because several ranks share it. layer: as above.
  // Opens the targets, to be read where they are needed; without a summary of them.
  void open_targets(const Worker& worker);
  // Throws what measuring the layer would; UsageError where the targets could not be measured.
  [[nodiscard]] LayerAccess access(std::size_t layer, const Worker& worker);
  [[nodiscard]] DecomposedLayer decompose(LayerAccess& access, WeightFacts weight, Backend& backend,
                                          OfDevice device = {});
  void conclude(std::size_t layer, const LayerSummary& summary);
  // What is to be said of its rows.
  void remark_on(std::size_t layer);
  // quietly: it is not told.
  void fail(std::size_t layer, Failure failure, bool quietly);
  // Others finish it.
  void leave(std::size_t layer);
  // What the exception in flight says of it.
  [[nodiscard]] Failure current_failure(std::size_t layer) const;

  // What has come of it on this rank, and on another one.
  [[nodiscard]] CheckpointOutcome outcome() const;
  void absorb(CheckpointOutcome outcome);
  [[nodiscard]] LayerPlace place(std::size_t layer) const { return place_of(*layers_[layer].index); }

  // When all are done: adds what came of it, in the layers' order in the file's index.
  void take(Results& results, std::vector<RunMember>& members);

 private:
  struct Layer {
    const LayerIndex* index;
    std::optional<LayerResult> result;
    std::optional<Nrc3Inputs> nrc3;
    std::optional<Failure> failure;
  };

  // The classes of classification, whose labels are read when first asked for; null: regression. Throws
  // InputError.
  [[nodiscard]] std::shared_ptr<const ClassLabels> labels() const;
  [[nodiscard]] LayerPlan plan_of(const std::vector<LayerIndex>& shards, Backend& backend,
                                  std::uint64_t memory) const;
  [[nodiscard]] const CheckpointIndex& first() const { return checkpoint_.front(); }
  [[nodiscard]] CheckpointResult checkpoint_result(std::uint64_t samples, MetricSet targets) const;
  // layer: of the first shard.
  [[nodiscard]] LayerPlace place_of(const LayerIndex& layer) const;
  [[nodiscard]] std::vector<LayerIndex> shards_of(const LayerIndex& layer) const;
  void read_targets(Backend& backend, std::uint64_t keep_bytes, std::uint64_t memory);
  void remark_on_targets();
  // What needs predictions is undefined for this reason.
  void refuse_predictions(const std::string& reason);
  void remark_on_pairs(const std::string& layer, const LayerPlan& plan);
  [[nodiscard]] LayerFacts facts(const LayerIndex& layer, const LayerPlan& plan, Backend& backend) const;
  // Tells it, unless it is empty.
  void remark(const DatasetIndex& dataset, const std::string& text);
  void measure(Layer& layer, Worker& worker);
  // By the worker's backend or its fallback. again: nothing of its sums can be used.
  [[nodiscard]] LayerSummary measured(const LayerIndex& layer, Backend& backend, const Worker& worker,
                                      bool again);
  [[nodiscard]] LayerSummary measured(LayerAccess& access, Backend& backend);
  [[nodiscard]] LayerAccess access_to(const LayerIndex& layer, Backend& backend, std::uint64_t memory,
                                      bool again);
  void open_target_rows(Backend& backend, std::uint64_t keep_bytes, std::uint64_t memory);
  void conclude(Layer& layer, const LayerSummary& found);
  void done_with_one();
  [[nodiscard]] LayerSummary measured_whatever_fails(const LayerIndex& layer, Worker& worker);

  std::size_t number_;
  const Checkpoint& checkpoint_;
  const AnalysisOptions& options_;
  Journal& journal_;
  WorkRecord& record_;
  std::vector<Layer> layers_;
  std::latch targets_done_{1};  // or failed
  mutable std::mutex reading_labels_;
  mutable std::shared_ptr<const ClassLabels> labels_;
  std::unique_ptr<TargetRows> targets_;
  TargetSummary summary_;
  std::optional<CheckpointResult> result_;  // without layers; nullopt: it failed
  std::optional<Failure> failure_;
  std::optional<Failure> model_failure_;  // of the predictions
  std::atomic<std::size_t> layers_left_;
};

}  // namespace collapscope
