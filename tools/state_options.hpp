// Options of states: where they are kept, when, and how long a run may take.
#pragma once

#include <optional>
#include <string>

#include "collapscope/core/stop.hpp"
#include "collapscope/states/states.hpp"
#include "dump_options.hpp"

namespace collapscope::tools {

struct Command;

struct StateOptions {
  std::string work;
  std::string save_every = "5m";
  std::string max_time;
  std::string part;
};

void add_state_options(Command& command, StateOptions& options);

// "90", "90s", "30m", "4h", "1:30:00", in seconds. Throws UsageError naming the option.
[[nodiscard]] double parse_duration(const std::string& option, const std::string& text);

// "2/8". Throws UsageError.
[[nodiscard]] PartChoice parse_part(const std::string& text);

// What decides about the numbers of this analysis.
[[nodiscard]] Identity identity_of(const DumpOptions& options, const std::vector<Checkpoint>& checkpoints,
                                   bool on_gpu);

}  // namespace collapscope::tools
