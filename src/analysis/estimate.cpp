// What an analysis will take, roughly.
#include "analysis/layer_format.hpp"
#include "analysis/layer_selection.hpp"
#include "analysis/plan_costs.hpp"
#include "collapscope/analysis/analysis.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

double seconds_of(const Checkpoint& checkpoint, const LayerIndex& layer, const AnalysisOptions& options) {
  const std::vector<LayerIndex> shards = layer_shards(checkpoint, layer.name);
  const RowFormat format = layer_format(shards.front(), options.pool);
  std::uint64_t rows = 0;
  double reading = 0;
  for (const LayerIndex& shard : shards) {
    rows += shard.activations.samples() * format.rows_per_sample();
    reading += static_cast<double>(shard.activations.bytes()) /
               (shard.activations.filters.empty() ? plain_read_rate : dear_read_rate);
  }
  return reading + operations_of(rows, format.row_length()) / product_rate;
}

}  // namespace

double least_cpu_seconds(std::uint64_t bytes) { return static_cast<double>(bytes) / plain_read_rate; }

double estimated_cpu_seconds(const std::vector<Checkpoint>& checkpoints, const AnalysisOptions& options) {
  double seconds = 0;
  for (const Checkpoint& checkpoint : checkpoints) {
    for (const LayerIndex* layer : layers_in_file_order(checkpoint.front(), options.layers)) {
      try {
        seconds += seconds_of(checkpoint, *layer, options);
      } catch (const Error&) {
        // Reported when its turn comes.
      }
    }
  }
  return seconds;
}

}  // namespace collapscope
