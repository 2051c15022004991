// Metrics that need a whole run of checkpoints.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collapscope/analysis/state.hpp"
#include "collapscope/metrics/summaries.hpp"

namespace collapscope {

// nullopt: NRC3 is not defined.
[[nodiscard]] std::optional<Nrc3Inputs> nrc3_inputs(const LayerResult& result, const LayerSummary& layer,
                                                    const TargetSummary& targets);

// What is kept of a checkpoint for its run.
struct RunMember {
  std::string run;                 // run_key(); empty: belongs to no run
  std::vector<Nrc3Inputs> layers;  // those where NRC3 is defined
};

// Adds `nrc3_final_gamma` to every layer: NRC3 with the gamma that is best at the run's last checkpoint
// ([A, appendix A.3]). members[i] belongs to checkpoints[i]; a run's checkpoints are in step order.
void add_final_gamma(std::vector<CheckpointResult>& checkpoints, const std::vector<RunMember>& members);

}  // namespace collapscope
