// In which order the layers of an analysis are measured, and which of them at the same time. A function of
// the input and the backend, never of how long anything takes.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace collapscope {

// What is done while a layer is measured.
enum class Pace : unsigned char {
  alone,     // nothing else
  in_turns,  // another worker brings the rows of the next layer, or decomposes the one before
  beside,    // other workers measure its neighbours
};

// How a layer may be measured, other than alone.
struct Paces {
  bool beside = false;
  bool in_turns = false;
};
using PacesOfLayers = std::vector<std::vector<Paces>>;  // [checkpoint][layer]

// A layer of a checkpoint, or its targets, which come before its layers.
struct Step {
  std::size_t checkpoint = 0;
  std::optional<std::size_t> layer;  // nullopt: the targets
  Pace pace = Pace::alone;
  bool operator==(const Step&) const = default;
};

// How many workers have two layers each, of all that follow one another; 0: fewer than `least`.
[[nodiscard]] std::size_t most_workers(const PacesOfLayers& paces, std::size_t least);

// Whether layers follow one another that would go in turns and not beside one another.
[[nodiscard]] bool has_turns(const std::vector<Step>& steps);

// Layers keep their order. They go side by side where at least two for each of `least` workers follow one
// another, so that as many are busy nearly to the end, else in turns where three do. Targets of checkpoints
// all of whose layers do either are measured among the layers of checkpoints before, so that nobody waits for
// them. workers: side by side; fewer than 2: none.
[[nodiscard]] std::vector<Step> schedule(const PacesOfLayers& paces, std::size_t workers, std::size_t least);

}  // namespace collapscope
