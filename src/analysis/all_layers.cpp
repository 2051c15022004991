// What an analysis keeps of all layers at the same time, however small they are: what is known of them, their
// results, and the text of these.

#include <fmt/format.h>

#include "analysis/layer_selection.hpp"
#include "collapscope/analysis/analysis.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope {

namespace {

// Counted on 20,000 layers of 45 metrics each. Names, paths and notes take a third of it.
constexpr std::uint64_t of_description = 2600;
constexpr std::uint64_t of_results = 7400;
constexpr std::uint64_t of_text = 3400;
// Of what few layers take nobody is to take notice.
constexpr std::uint64_t unnoticed = std::uint64_t{32} << 20;

}  // namespace

std::uint64_t memory_beside_all_layers(const std::vector<Checkpoint>& checkpoints,
                                       const AnalysisOptions& options, std::uint64_t memory) {
  std::uint64_t layers = 0;
  std::uint64_t bytes = 0;
  for (const Checkpoint& checkpoint : checkpoints) {
    const std::uint64_t chosen = layers_in_file_order(checkpoint.front(), options.layers).size();
    layers += chosen;
    bytes += chosen * (of_results + of_text);
    for (const CheckpointIndex& shard : checkpoint.shards) {
      bytes += shard.layers.size() * of_description;
    }
  }
  if (bytes <= unnoticed) {
    return memory;
  }
  if (bytes - unnoticed >= memory) {
    throw UsageError(
        fmt::format("needs some {} for what is known of {} layers and for their results; the "
                    "budget is {} (--memory; --layers chooses some, and several runs can be "
                    "reported together)",
                    human_bytes(bytes), layers, human_bytes(memory)));
  }
  return memory - (bytes - unnoticed);
}

}  // namespace collapscope
