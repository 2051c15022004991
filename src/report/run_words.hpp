// What runs say, in words; names are made printable. longest: columns of a name, whose middle is cut out
// where it is longer.
#pragma once

#include <string>
#include <vector>

#include "collapscope/report/report.hpp"

namespace collapscope {

constexpr std::size_t longest_shown_name = 60;
constexpr std::size_t uncut_name = 100'000;  // of lines that nothing cuts

// "1 run", "3 runs"
[[nodiscard]] std::string counted(std::size_t count, std::string_view noun);

// A name from a file for a line of text.
[[nodiscard]] std::string name_text(std::string_view name, std::size_t longest = longest_shown_name);

// Why a metric is undefined, in brackets behind what it explains: longer than names.
[[nodiscard]] std::string reason_text(std::string_view note, std::size_t longest);

// "0.02", "true", "resnet"
[[nodiscard]] std::string attribute_text(const AttributeValue& value,
                                         std::size_t longest = longest_shown_name);

// The report's title, or one that counts runs and checkpoints.
[[nodiscard]] std::string report_title(const RunReport& report, const std::vector<Run>& runs);

// "epoch 12000"; "checkpoint 3 of 12" where there is no step.
[[nodiscard]] std::string step_text(const Results& results, const Run& run, std::size_t checkpoint,
                                    std::size_t longest = longest_shown_name);

// At the run's last checkpoint: "from fc4 on, the last 3 of 6 layers", "nothing: fc6 has deep_nrc1 0.277",
// "unknown: fc6 has deep_nrc3 undefined (no weight)".
[[nodiscard]] std::string collapse_words(const Results& results, const Run& run, const RunCollapse& collapse,
                                         const Criteria& criteria, std::size_t longest = longest_shown_name);

// "fc4 to fc5 since epoch 4000, fc6 since epoch 1000 (not measured at epoch 100)"; empty where nothing is
// collapsed.
[[nodiscard]] std::string since_words(const Results& results, const Run& run, const RunCollapse& collapse,
                                      std::size_t longest = longest_shown_name);

// "fc3 at 2 of 3 checkpoints, not at epoch 2"; empty where each checkpoint has all that others have.
[[nodiscard]] std::string measured_words(const Results& results, const Run& run, const Criteria& criteria,
                                         std::size_t longest = longest_shown_name);

// Of a run that died: "dead since epoch 50 (NaN or Inf)".
[[nodiscard]] std::string death_words(const Run& run, std::size_t longest = longest_shown_name);

// "deep_nrc1 slope -0.42 pearson -0.98 (12 layers)": of log10 over the layers; empty where nothing is known.
[[nodiscard]] std::string depth_words(const CheckpointResult& checkpoint,
                                      std::size_t longest = longest_shown_name);

}  // namespace collapscope
