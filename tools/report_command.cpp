// collapscope report: results in, what they say together out.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>

#include "collapscope/core/error.hpp"
#include "collapscope/core/files.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/report/report.hpp"
#include "collapscope/results/results_file.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "inputs.hpp"
#include "outputs.hpp"
#include "terminal.hpp"

namespace collapscope::tools {

namespace {

struct ReportOptions {
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::optional<std::string> collapsed;
  std::optional<std::vector<std::string>> by;
  std::string title;
};

// Reads what can be read; the rest is in the failures, and said.
MergedResults read_all(const std::vector<std::string>& paths, std::vector<std::string>& sources) {
  std::vector<ResultsFile> files;
  std::vector<Failure> failures;
  for (const std::string& path : paths) {
    try {
      files.push_back({path, read_results(path)});
      sources.push_back(path);
    } catch (const InputError& error) {
      tell(error.what());
      failures.push_back({error.file(), error.object(), error.message()});
    }
  }
  const std::vector<std::string> left_out = left_out_warnings(files);
  MergedResults merged = merge_results(std::move(files));
  merged.warnings.insert(merged.warnings.begin(), left_out.begin(), left_out.end());
  merged.results.failures.insert(merged.results.failures.begin(), failures.begin(), failures.end());
  return merged;
}

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

void trim(std::string& name) {
  name.erase(name.find_last_not_of(" \t") + 1);
  name.erase(0, std::min(name.find_first_not_of(" \t"), name.size()));
}

int run_report(const ReportOptions& options) {
  check_outputs(options.outputs, {".html", ".json"});
  RunReport report;
  report.title = printable(options.title);
  report.generated = now_text();
  report.by = options.by;
  if (report.by) {
    std::ranges::for_each(*report.by, trim);
  }
  const std::optional<Criteria> criteria =
      options.collapsed ? std::optional(parse_criteria(*options.collapsed)) : std::nullopt;
  const std::vector<std::string> paths = expand_inputs(options.inputs, results_files());
  check_no_input(options.outputs, paths);
  const MergedResults merged = read_all(paths, report.sources);
  for (const std::string& warning : merged.warnings) {
    tell("warning: " + warning);
  }
  report.warnings = merged.warnings;
  if (merged.results.checkpoints.empty()) {
    if (!report.sources.empty()) {
      tell("no checkpoint in these results");
    }
    return nothing_done;
  }
  if (criteria) report.criteria = *criteria;
  bool all_written = true;
  if (options.outputs.empty()) {
    print(report_text(merged.results, report, terminal_width(), has_width()));
  } else {
    const std::string data = report_json(merged.results, report);
    all_written = write_each(options.outputs, [&](const std::string& output) {
      if (output == "-") {
        print(data + "\n");
      } else if (std::filesystem::path(output).extension() == ".html") {
        write_file_atomically(output, report_page(data));
      } else {
        write_file_atomically(output, data + "\n");
      }
    });
  }
  return all_written && report.sources.size() == paths.size() ? done : partly_failed;
}

}  // namespace

Command report_command() {
  const auto options = std::make_shared<ReportOptions>();
  Command command("report", "say what the results of many checkpoints show together");
  command.add({.names = {"RESULTS"},
               .target = &options->inputs,
               .description = "JSON files that analyze wrote, folders of them, globs, @FILE",
               .required = true});
  command.add({.names = {"-o", "--output"},
               .target = &options->outputs,
               .description =
                   "write a page to FILE.html or its data to FILE.json, or the data to standard output with "
                   "'-'; may be repeated (default: text)",
               .placeholder = "FILE",
               .one_word = true});
  command.add(
      {.names = {"--collapsed"},
       .target = &options->collapsed,
       .description = fmt::format("when a layer is collapsed: METRIC<NUMBER or METRIC>NUMBER, separated by "
                                  "commas, all of which must hold (default: {}; of classification {})",
                                  criteria_text(default_criteria()), criteria_text(default_class_criteria())),
       .placeholder = "CRITERIA"});
  command.add({.names = {"--by", "--group-by"},
               .target = &options->by,
               .description = "attributes to compare runs by, separated by commas (default: all "
                              "that differ, but for seeds)",
               .placeholder = "ATTRIBUTES",
               .one_word = true,
               .separator = ','});
  command.add({.names = {"--title"},
               .target = &options->title,
               .description = "of the report",
               .placeholder = "TEXT"});
  command.footer =
      "Examples:\n"
      "  collapscope analyze dumps/ -o results.json && collapscope report results.json\n"
      "  collapscope report seed*.json -o report.html        a page that opens from disk\n"
      "  collapscope report results/ --collapsed 'deep_nrc1<0.01,deep_nrc3>0.95' --by weight_decay\n"
      "\n"
      "Exit status: 0 all done; 1 finished, but some files could not be read; 2 nothing done.";
  command.action = [options] { return run_report(*options); };
  return command;
}

}  // namespace collapscope::tools
