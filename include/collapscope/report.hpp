// Writers of results; each knows one format and nothing of the others.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "collapscope/results.hpp"

namespace collapscope {

// JSON, "collapscope-results" version 1; floating-point numbers with 17 significant digits.
[[nodiscard]] std::string results_json(const Results& results);

// Tidy CSV, RFC 4180: path,run,step,layer,index,metric,value; list values as name[1], name[2], ...
// Text cells that a spreadsheet would take for a formula get a leading apostrophe.
[[nodiscard]] std::string results_csv(const Results& results);

struct TableStyle {
  std::size_t width = 80;  // columns of the terminal
  bool colour = false;
};

// The metrics people look at first, for a terminal.
[[nodiscard]] std::string results_table(const Results& results, const TableStyle& style);

// The page of a report: one HTML file that opens from disk and asks nothing of any network; it allows only
// its own scripts and styles (content-security policy with hashes). data_json: the "collapscope-report"
// object. Throws Error when the data are not a JSON object, or when the library was built without Chart.js
// (it says what to install).
[[nodiscard]] std::string report_page(std::string_view data_json);

// Writes `content` to `path` so that the file is there whole or not at all: a temporary name in the same
// folder, fsync, rename. Throws Error naming the path.
void write_file_atomically(const std::string& path, std::string_view content);

}  // namespace collapscope
