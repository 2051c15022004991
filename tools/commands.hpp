// The commands that the program has.
#pragma once

#include <string>

namespace collapscope::tools {

struct Command;

// 0 all done; 1 finished, but some files or layers failed; 2 nothing done; 75, EX_TEMPFAIL: stopped before
// the end, the same command goes on from the state that was saved. The GPU module ends a process whose GPU
// blocks it with 75, too.
enum ExitStatus : int { done = 0, partly_failed = 1, nothing_done = 2, resume = 75 };

// `command_line`: as the user typed it, for provenance.
[[nodiscard]] Command analyze_command(const std::string& command_line);
[[nodiscard]] Command merge_command(const std::string& command_line);
[[nodiscard]] Command report_command();
[[nodiscard]] Command inspect_command();
[[nodiscard]] Command status_command();
[[nodiscard]] Command synth_command();
[[nodiscard]] Command bench_command(const std::string& command_line);
[[nodiscard]] Command metrics_command();
[[nodiscard]] Command devices_command();
// `program` must outlive it.
[[nodiscard]] Command generate_command(const Command& program);

// Several lines: version, commit and the libraries in use.
[[nodiscard]] std::string version_text();

}  // namespace collapscope::tools
