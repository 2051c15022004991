// Results made by hand, with answers that are obvious.
#pragma once

#include <initializer_list>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "collapscope/results/results.hpp"

namespace collapscope::test {

// A layer whose deep_nrc1, deep_nrc2 and deep_nrc3 meet the default criteria (true), fail them (false), or
// are without deep_nrc3 (nullopt).
[[nodiscard]] LayerResult layer_that(const std::string& name, std::optional<bool> collapsed);

// A checkpoint "RUN/STEP.h5" of layers l1, l2, ... from input to output.
[[nodiscard]] CheckpointResult checkpoint_of(const std::string& run, std::optional<double> step,
                                             std::initializer_list<std::optional<bool>> layers);

[[nodiscard]] Results results_of(std::vector<CheckpointResult> checkpoints);

// Random results as analyses give them: any doubles, counts, lists, nulls, floors, notes, hostile names;
// checkpoints of some runs, each path once.
[[nodiscard]] Results random_results(std::mt19937_64& random, std::size_t checkpoints);

}  // namespace collapscope::test
