// collapscope analyze: dumps in, metrics out.
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/files.hpp"
#include "collapscope/core/version.hpp"
#include "collapscope/report/report.hpp"
#include "collapscope/results/results_file.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "device.hpp"
#include "dump_options.hpp"
#include "inputs.hpp"
#include "outputs.hpp"
#include "terminal.hpp"

namespace collapscope::tools {

namespace {

struct AnalyzeOptions : DumpOptions {
  std::vector<std::string> outputs;
  bool quiet = false;
};

std::string extension_of(const std::string& path) { return std::filesystem::path(path).extension(); }

void write_outputs(const Results& results, const std::vector<std::string>& outputs,
                   const MetricChoice& metrics) {
  if (outputs.empty()) {
    const Criteria criteria = default_criteria();
    const std::string collapse = collapse_text(results, criteria, terminal_width());
    print(results_table(results, {terminal_width(), wants_colour(STDOUT_FILENO), metrics, criteria}) +
          (collapse.empty() ? "" : "\n" + collapse));
  }
  for (const std::string& output : outputs) {
    if (output == "-") {
      print(results_json(results));
    } else {
      write_file_atomically(output,
                            extension_of(output) == ".csv" ? results_csv(results) : results_json(results));
    }
  }
}

std::unique_ptr<Progress> progress_for(const AnalyzeOptions& options) {
  return options.quiet ? make_quiet_progress()
                       : make_progress(is_terminal(STDERR_FILENO), wants_colour(STDERR_FILENO));
}

int run_analyze(const AnalyzeOptions& options, const std::string& command_line) {
  for (const std::string& output : options.outputs) {
    check_output(output, {".json", ".csv"});
  }
  const AnalysisOptions analysis = analysis_options(options);
  const IndexOptions indexing = index_options(options);
  isolate_unless_trusted(options);
  DeviceChoice device(options);
  const std::unique_ptr<Progress> progress = progress_for(options);
  DumpIndex index = index_dumps(expand_inputs(options.dumps, dump_files()), indexing);
  const std::vector<Checkpoint> checkpoints =
      arrange(index, options.shards, weights_naming(options),
              [&](const std::string& note) { progress->message(note); });
  for (const Failure& failure : index.failures) {
    progress->message(InputError(failure.path, failure.object, failure.message).what());
  }
  if (checkpoints.empty()) {
    return nothing_done;
  }
  const ChosenBackend chosen = device.take(checkpoints, analysis);
  if (!chosen.note.empty()) {
    progress->message(chosen.note);
  }
  Results results = analyze(checkpoints, *chosen.backend, analysis, *progress);
  results.failures.insert(results.failures.begin(), index.failures.begin(), index.failures.end());
  const BuildInfo build = build_info();
  results.provenance.version = build.version;
  results.provenance.commit = build.commit;
  results.provenance.command = command_line;
  if (!chosen.note.empty()) {
    results.provenance.fallbacks.add(Fallback{"analysis", "cpu", chosen.note});
  }
  if (results.checkpoints.empty()) {
    return nothing_done;
  }
  write_outputs(results, options.outputs, analysis.metrics);
  if (const std::string lost = fallbacks_text(results.provenance.fallbacks); !lost.empty()) {
    progress->message(lost);
  }
  return results.failures.empty() ? done : partly_failed;
}

}  // namespace

Command analyze_command(const std::string& command_line) {
  const auto options = std::make_shared<AnalyzeOptions>();
  Command command("analyze", "measure every layer of every checkpoint");
  add_dump_options(command, *options);
  command.add({.names = {"-o", "--output"},
               .target = &options->outputs,
               .description =
                   "write results to FILE.json or FILE.csv, or JSON to standard output with '-'; may be "
                   "repeated (default: a table)",
               .placeholder = "FILE",
               .one_word = true});
  command.add(
      {.names = {"-q", "--quiet"}, .target = &options->quiet, .description = "no progress, only problems"});
  command.footer =
      "Examples:\n"
      "  collapscope analyze dumps/                          a table of all checkpoints in a folder\n"
      "  collapscope analyze run1_*.h5 -o run1.json -o run1.csv\n"
      "  collapscope analyze big.h5 --layers 'fc*' --metrics 'nrc*,deep_nrc*' --memory 2GiB\n"
      "  collapscope analyze part0.h5 part1.h5 --shards -o -\n"
      "  collapscope analyze mine.h5 --activations 'acts/*' --targets labels/y --weight "
      "'params/{layer}/kernel'\n"
      "\n"
      "Exit status: 0 all done; 1 finished, but some files or layers failed; 2 nothing done.";
  command.action = [=] { return run_analyze(*options, command_line); };
  return command;
}

}  // namespace collapscope::tools
