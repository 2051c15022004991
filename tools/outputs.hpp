// Where results go.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "collapscope/metrics/metrics.hpp"
#include "collapscope/results/results.hpp"

namespace collapscope::tools {

// Throws UsageError unless `output` is a file that could be written, with one of these extensions, or "-" and
// there is a standard output: refused before hours of work, not after them.
void check_output(const std::string& output, const std::vector<std::string>& extensions);
// Throws UsageError unless `output` is a file that could be written, whatever its name.
void check_writable(const std::string& output);
// Of all of them, of which one at most is standard output; without any, that there is one.
void check_outputs(const std::vector<std::string>& outputs, const std::vector<std::string>& extensions);

// Where the results of each class go beside those in FILE.csv: FILE.classes.csv.
[[nodiscard]] std::string classes_output(const std::string& output);

// Throws UsageError when an output is one of the input files.
void check_no_input(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs);

// Calls write(output) for each. One that fails is told and does not cost the others; false then. Throws Error
// when all fail.
[[nodiscard]] bool write_each(const std::vector<std::string>& outputs,
                              const std::function<void(const std::string&)>& write);

// A line to standard error; where it cannot be written, nobody can be told.
void tell(const std::string& line);

// To standard output, at once. Throws Error.
void print(std::string_view text);

// To files that end in .json or .csv, or as JSON to standard output for "-"; without any a table there.
// Results of each class go beside a FILE.csv. metrics: what the table shows. As write_each.
[[nodiscard]] bool write_results(const Results& results, const std::vector<std::string>& outputs,
                                 const MetricChoice& metrics);

}  // namespace collapscope::tools
