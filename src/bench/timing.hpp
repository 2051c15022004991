// Running a stage several times, and what to say of the times.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "collapscope/backend/stages.hpp"
#include "collapscope/bench/bench.hpp"

namespace collapscope::bench {

// The p-quantile, p in [0, 1], of ascending numbers (at least one), linear between neighbours.
[[nodiscard]] double quantile(std::span<const double> ascending, double p);

// At least one time.
[[nodiscard]] Timing timing_of(std::vector<double> seconds);

// Runs once untimed, then until `repeat` runs are timed or all together have taken `seconds`; at least one.
[[nodiscard]] Timing measure(const Stage& stage, std::size_t repeat, double seconds);

// `stage` measured. `ceiling`: where its ceiling is named, that stage's result.
[[nodiscard]] StageResult stage_result(const Stage& stage, const Timing& time, const StageResult* ceiling);

}  // namespace collapscope::bench
