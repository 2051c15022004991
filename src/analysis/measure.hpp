// Measuring the targets of a checkpoint, and a layer from its moments on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/labels.hpp"
#include "analysis/layer_format.hpp"
#include "analysis/target_rows.hpp"
#include "backend/turns.hpp"
#include "collapscope/analysis/analysis.hpp"
#include "collapscope/metrics/summaries.hpp"

namespace collapscope {

// Moments and spectrum of the targets, UFM strengths. memory: bytes for all of it. Throws InputError.
[[nodiscard]] TargetSummary measure_targets(const Checkpoint& checkpoint, TargetRows& targets,
                                            Backend& backend, std::uint64_t memory);

// The same from the moments of targets as rows. Throws NumericalError.
[[nodiscard]] TargetSummary summarize_targets(Moments moments, const Checkpoint& checkpoint,
                                              Backend& backend);

// Errors of predictions, summed up row by row.
struct ModelSums {
  std::uint64_t samples = 0;
  double squares = 0;
  double absolutes = 0;
  Matrix error_moment;  // E^T E [n, n]

  void add(MatrixView<const double> found, MatrixView<const double> expected);
  [[nodiscard]] ModelErrors errors() const;
};
// The same of labels, which say all of it.
[[nodiscard]] TargetSummary measure_class_targets(const ClassLabels& labels);

// Whether what predictions make of the labels is wanted.
[[nodiscard]] bool wants_class_model(const AnalysisOptions& options);

// What the predictions, as logits, make of the labels. Throws InputError.
void measure_class_model(ClassTargets& classes, const Checkpoint& checkpoint, TargetRows& targets,
                         Backend& backend, std::uint64_t memory);

// Errors of the predictions; nullopt when there are none. Throws InputError.
[[nodiscard]] std::optional<ModelErrors> measure_model(const Checkpoint& checkpoint, TargetRows& targets,
                                                       Backend& backend, std::uint64_t memory);

// For the reader of targets or predictions that are not kept.
[[nodiscard]] std::uint64_t target_cache(std::uint64_t memory);

// The predictions in each shard; empty: there are none. Throws InputError.
[[nodiscard]] std::vector<DatasetIndex> predictions_of(const Checkpoint& checkpoint);

// The weight of a layer, in the first shard that has one, where the plan needs it. Throws InputError.
[[nodiscard]] LayerWeight read_weight(const std::vector<LayerIndex>& shards, const LayerPlan& plan);

struct WeightFacts {
  std::optional<WeightSummary> summary;
  std::string missing;                                  // why there is none
  std::optional<Classifier> classifier = std::nullopt;  // of classification
  std::optional<Balancedness> balance = std::nullopt;   // with the next layer's weight
  std::string no_balance{};                             // why there is none
};
// targets: n.
[[nodiscard]] WeightFacts weight_facts(LayerWeight weight, std::size_t targets, const LayerNeeds& needs);

// The classes of a layer: from its moments, whose class sums are used up and whose scatters are divided by
// their count.
void summarize_layer_classes(LayerSummary& layer, Moments& moments, WeightFacts weight,
                             const ClassTargets& targets, const LayerPlan& plan);
// What the second look takes of them. by_device: without margins, which would be the host's work for products
// that a device makes itself, and without sums of products.
[[nodiscard]] std::shared_ptr<const ClassLook> class_look(LayerSummary& layer, const MetricChoice& metrics,
                                                          std::uint64_t segment_rows, bool by_device);

// A layer after the first look; its residuals are missing when it wants a second one.
struct DecomposedLayer {
  LayerSummary summary;
  std::optional<LookSpec> look;  // nullopt: the moments suffice
};
// What a device has for a decomposition.
struct OfDevice {
  std::shared_ptr<const OnDevice> scatter;  // of the features; null: nothing
  HeldTurn* computing = nullptr;            // its turn, held while it decomposes; null: nobody else has one
};
// moments: of all rows. Throws InputError, NumericalError.
[[nodiscard]] DecomposedLayer decompose_layer(const std::vector<LayerIndex>& shards, WeightFacts weight,
                                              const TargetSummary& targets, Moments moments,
                                              const LayerPlan& plan, const AnalysisOptions& options,
                                              Backend& backend, OfDevice device = {});

}  // namespace collapscope
