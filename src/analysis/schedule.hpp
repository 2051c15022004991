// In which order the layers of an analysis are measured, and which of them side by side. A function of the
// input and the backend, never of how long anything takes.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace collapscope {

// A layer of a checkpoint, or its targets, which come before its layers.
struct Step {
  std::size_t checkpoint = 0;
  std::optional<std::size_t> layer;  // nullopt: the targets
  bool beside = false;               // beside its neighbours that are, too; else alone
  bool operator==(const Step&) const = default;
};

// suits[checkpoint][layer]: whether one of several workers should measure the layer. least: with fewer
// workers none should.

// How many workers have two layers each, of all that follow one another; 0: fewer than `least`.
[[nodiscard]] std::size_t most_workers(const std::vector<std::vector<bool>>& suits, std::size_t least);

// Layers keep their order. They go side by side where at least two for each of `least` workers follow one
// another, so that as many are busy nearly to the end; targets of checkpoints all of whose layers do are
// measured among the layers of checkpoints before, so that nobody waits for them.
[[nodiscard]] std::vector<Step> schedule(const std::vector<std::vector<bool>>& suits, std::size_t workers,
                                         std::size_t least);

}  // namespace collapscope
