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
  std::optional<std::string> save_every;  // see seconds_between_saves
  std::string max_time;
  std::string part;
};

// What --part cannot go with.
constexpr const char* part_alone =
    "--part is the work of one process, started anew when it ends early: without --work, and not under "
    "mpirun or srun --ntasks";

void add_state_options(Command& command, StateOptions& options);

// "90", "90s", "30m", "4h", "1:30:00", in seconds. Throws UsageError naming the option.
[[nodiscard]] double parse_duration(const std::string& option, const std::string& text);

// Throws UsageError for values that do not make sense, alone or together.
void check_state_options(const StateOptions& options);

// As --save-every says, or the preset.
[[nodiscard]] double seconds_between_saves(const StateOptions& options);

// A line for an option that means nothing here; empty: there is none.
[[nodiscard]] std::string idle_states_note(const StateOptions& options);

// "2/8". Throws UsageError.
[[nodiscard]] PartChoice parse_part(const std::string& text);

// What of the options decides about the numbers of an analysis, and of the whole of it.
[[nodiscard]] Identity identity_of_options(const DumpOptions& options, bool on_gpu);
// Of these, without their dashes, those that were set; a flag that was has "yes".
[[nodiscard]] std::vector<std::pair<std::string, std::string>> options_that_count(const Identity& identity);
// Version and commit of this build.
[[nodiscard]] std::string this_build();
[[nodiscard]] Identity identity_of(const DumpOptions& options, const std::vector<Checkpoint>& checkpoints,
                                   bool on_gpu);

}  // namespace collapscope::tools
