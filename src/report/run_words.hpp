// What runs say, in words; names are made printable.
#pragma once

#include <string>
#include <vector>

#include "collapscope/report/report.hpp"

namespace collapscope {

// "1 run", "3 runs"
[[nodiscard]] std::string counted(std::size_t count, std::string_view noun);

// A name from a file for a line of text: printable, its middle cut out when it is long.
[[nodiscard]] std::string name_text(std::string_view name);

// "0.02", "true", "resnet"
[[nodiscard]] std::string attribute_text(const AttributeValue& value);

// The report's title, or one that counts runs and checkpoints.
[[nodiscard]] std::string report_title(const RunReport& report, const std::vector<Run>& runs);

// "epoch 12000"; "checkpoint 3 of 12" where there is no step.
[[nodiscard]] std::string step_text(const Results& results, const Run& run, std::size_t checkpoint);

// At the run's last checkpoint: "from fc4 on, the last 3 of 6 layers", "nothing: fc6 has deep_nrc1 0.277",
// "unknown: fc6 has deep_nrc3 undefined (no weight)".
[[nodiscard]] std::string collapse_words(const Results& results, const Run& run, const RunCollapse& collapse,
                                         const Criteria& criteria);

// "fc4 to fc5 since epoch 4000, fc6 since epoch 1000"; empty where nothing is collapsed.
[[nodiscard]] std::string since_words(const Results& results, const Run& run, const RunCollapse& collapse);

// Of a run that died: "dead since epoch 50 (NaN or Inf)".
[[nodiscard]] std::string death_words(const Run& run);

// "deep_nrc1 slope -0.42 pearson -0.98 (12 layers)": of log10 over the layers; empty where nothing is known.
[[nodiscard]] std::string depth_words(const CheckpointResult& checkpoint);

}  // namespace collapscope
