// Measuring the targets of a checkpoint, and one layer.
#pragma once

#include <optional>

#include "analysis/tile_stream.hpp"
#include "collapscope/analysis/analysis.hpp"
#include "collapscope/metrics/summaries.hpp"

namespace collapscope {

// Moments and spectrum of the targets, UFM strengths. memory: bytes for all of it. Throws InputError.
[[nodiscard]] TargetSummary measure_targets(const Checkpoint& checkpoint, TargetRows& targets,
                                            Backend& backend, std::uint64_t memory);

// Errors of the predictions; nullopt when there are none. Throws InputError.
[[nodiscard]] std::optional<ModelErrors> measure_model(const Checkpoint& checkpoint, TargetRows& targets,
                                                       Backend& backend, std::uint64_t memory);

// For the reader of targets or predictions that are not kept.
[[nodiscard]] std::uint64_t target_cache(std::uint64_t memory);

// One layer, from its rows to what metrics need. Throws InputError, UsageError, NumericalError.
[[nodiscard]] LayerSummary measure_layer(const std::vector<LayerIndex>& shards, TargetRows& targets,
                                         const TargetSummary& target_summary, const LayerPlan& plan,
                                         const AnalysisOptions& options, Backend& backend,
                                         const TileStream::ReadListener& listener);

}  // namespace collapscope
