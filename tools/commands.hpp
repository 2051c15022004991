// The subcommands. Each adds itself to the parser; what the user asked for runs after parsing.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace collapscope::tools {

// 0 all done; 1 finished, but some files or layers failed; 2 nothing done. The GPU module ends a process
// whose GPU blocks it with 75, EX_TEMPFAIL.
enum ExitStatus : int { done = 0, partly_failed = 1, nothing_done = 2 };

// Runs a parsed subcommand.
using Action = std::function<int()>;

// `command_line`: as the user typed it, for provenance.
void add_analyze(CLI::App& app, Action& action, const std::string& command_line);
void add_report(CLI::App& app, Action& action);
void add_inspect(CLI::App& app, Action& action);
void add_synth(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action, const std::string& command_line);
void add_devices(CLI::App& app, Action& action);
void add_metrics(CLI::App& app, Action& action);
void add_generate(CLI::App& app, Action& action);

// Several lines: version, commit and the libraries in use.
[[nodiscard]] std::string version_text();

}  // namespace collapscope::tools
