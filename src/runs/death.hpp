// Runs that ended in nothing.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "collapscope/runs/runs.hpp"

namespace collapscope {

// Failures by the `run` and `split` of their checkpoints. Those that say no split are of all runs of that
// name, unless there is one whose checkpoints say none either.
class RunFailures {
 public:
  explicit RunFailures(const Results& results);

  // Those of the run that a checkpoint belongs to; none where it has no name.
  [[nodiscard]] std::vector<const Failure*> of(const CheckpointResult& checkpoint) const;

 private:
  std::map<std::pair<std::string, std::string>, std::vector<const Failure*>> failures_;
  std::set<std::string> without_split_;  // names of runs
};

// failures: those of the run. A run is dead when from some step on each of its checkpoints has features of
// the last layer that do not vary, or NaN or Inf in the predictions, in that layer, or everywhere; but for
// predictions that have it at every checkpoint.
[[nodiscard]] std::optional<Death> death_of(const Results& results, const Run& run,
                                            const std::vector<const Failure*>& failures);

}  // namespace collapscope
