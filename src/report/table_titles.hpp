// The lines that say which run and which checkpoint the rows below belong to.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "collapscope/metrics/metrics.hpp"
#include "collapscope/results/results.hpp"

namespace collapscope {

// Consecutive checkpoints of the same run; one without a run stands alone.
[[nodiscard]] std::vector<std::span<const CheckpointResult>> runs_of(const Results& results);

struct Title {
  std::string name;                // "run width-256", "epoch 10, epoch_10.h5"
  std::vector<std::string> facts;  // "2000 samples", "3 targets", "model_mse 0.0123"
};

struct RunTitles {
  Title run;                       // empty name: a single checkpoint needs no line of its own for the run
  std::vector<Title> checkpoints;  // without the facts of `run`
};

// What all checkpoints of the run share (samples, targets, weight decay) is said once. Of the targets'
// metrics, those that were asked for are facts.
[[nodiscard]] RunTitles titles_of(std::span<const CheckpointResult> run, const MetricChoice& metrics);

}  // namespace collapscope
