// Where results go.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collapscope/metrics/metrics.hpp"
#include "collapscope/results/results.hpp"

namespace collapscope::tools {

// Throws UsageError unless `output` is "-" or a file that could be written, with one of these extensions:
// refused before hours of work, not after them.
void check_output(const std::string& output, const std::vector<std::string>& extensions);

// To standard output, at once. Throws Error.
void print(std::string_view text);

// To files that end in .json or .csv, or as JSON to standard output for "-"; without any a table there.
// metrics: what the table shows. Throws Error.
void write_results(const Results& results, const std::vector<std::string>& outputs, const MetricChoice& metrics);

}  // namespace collapscope::tools
