// Results for the writers to write, and names that try to do harm.
#pragma once

#include <string>
#include <vector>

#include "collapscope/results/results.hpp"

namespace collapscope::test {

// One checkpoint "dumps/toy.h5" of run "toy" with the layers fc1 and head, small enough to write down.
[[nodiscard]] Results small_results();

// `runs` runs of `epochs` checkpoints with `layers` layers, more collapsed from epoch to epoch.
[[nodiscard]] Results training_results(std::size_t runs, std::size_t epochs, std::size_t layers);

// The only layer of a checkpoint.
[[nodiscard]] Results results_with(LayerResult layer);

// Escapes, controls, quotes, formulas, bidirectional text, invalid UTF-8, markup.
[[nodiscard]] std::vector<std::string> hostile_names();

// Results in which every text is `name`.
[[nodiscard]] Results results_named(const std::string& name);

// C0 (but \n), DEL, C1 CSI or a bidirectional override: what a terminal must never get from a file.
[[nodiscard]] bool has_raw_controls(const std::string& text);

}  // namespace collapscope::test
