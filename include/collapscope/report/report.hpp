// What people see: the table and the progress on a terminal, reports on runs as text, as a page, as data.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collapscope/core/progress.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "collapscope/results/results.hpp"
#include "collapscope/results/results_file.hpp"
#include "collapscope/runs/runs.hpp"

namespace collapscope {

struct TableStyle {
  std::size_t width = 80;  // columns of the terminal
  bool colour = false;
  MetricChoice metrics = {};   // what was asked for
  TaskCriteria criteria = {};  // what is green
  bool cut = true;  // whether columns are left out and names shortened until lines fit into the width
};

// For a terminal: the metrics that were asked for, as many as fit, or else those people look at first.
[[nodiscard]] std::string results_table(const Results& results, const TableStyle& style);

struct RunReport {
  std::string title;      // empty: one that counts runs and checkpoints
  std::string generated;  // ISO 8601, UTC; may be empty
  std::vector<std::string> sources;
  std::vector<std::string> warnings = {};  // printable, a line each
  TaskCriteria criteria = {};
  std::optional<std::vector<std::string>> by;  // as for compare_runs
};

// Of checkpoints that several files have: which layers and metrics the results that merge_results takes lack
// and others have. Printable; one line for all checkpoints that lack the same.
[[nodiscard]] std::vector<std::string> left_out_warnings(const std::vector<ResultsFile>& files);

// JSON, "collapscope-report" version 1, on one line: what the page shows. `<`, `>`, `&`, U+2028 and U+2029
// are written as \uXXXX, so that it can stand in a script element. Throws UsageError as compare_runs does.
[[nodiscard]] std::string report_json(const Results& results, const RunReport& report);

// The same for a terminal of `width` columns, in words and numbers. cut: whether the comparison's columns are
// left out and names shortened until its lines fit; else it is whole, as files and pipes want it.
[[nodiscard]] std::string report_text(const Results& results, const RunReport& report, std::size_t width,
                                      bool cut = true);

// Lines on where collapse begins in each run of several checkpoints, with names cut or whole; empty where
// there is none, or where the criteria's metrics were not computed.
[[nodiscard]] std::string collapse_text(const Results& results, const TaskCriteria& criteria,
                                        std::size_t width, bool cut = true);

// The classes of the last layer of the last checkpoint that has results of each class, up to 20 of them;
// empty: there are none.
[[nodiscard]] std::string classes_table(const Results& results);

// What was not done by the device that it was meant for, in one line; empty: all was.
[[nodiscard]] std::string fallbacks_text(const Fallbacks& fallbacks);

// The page of a report: one HTML file that opens from disk and asks nothing of any network; it allows only
// its own scripts and styles (content-security policy with hashes). data_json: what report_json gives. Throws
// Error when the data are not a JSON object, or when the library was built without Chart.js (it says what to
// install).
[[nodiscard]] std::string report_page(std::string_view data_json);

// A bar with rate and time left when `terminal`, else one plain line every `interval_seconds`; on standard
// error.
[[nodiscard]] std::unique_ptr<Progress> make_progress(bool terminal, bool colour,
                                                      double interval_seconds = 30.0);

// Shows messages only.
[[nodiscard]] std::unique_ptr<Progress> make_quiet_progress();

}  // namespace collapscope
