// Results as files: written as JSON and CSV, read back from JSON, several files as one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collapscope/results/results.hpp"

namespace collapscope {

// JSON, "collapscope-results" version 1; floating-point numbers with 17 significant digits.
[[nodiscard]] std::string results_json(const Results& results);

// 16 hexadecimal digits of what was measured: of every checkpoint its id, run, step and number of samples,
// and of every metric, in their order, name, value and floor to the bit. Paths, notes and provenance do not
// count. Equal digests: equal numbers, but for one chance in 10^19.
[[nodiscard]] std::string numbers_digest(const Results& results);

// Tidy CSV, RFC 4180: path,run,step,layer,index,metric,value; list values as name[1], name[2], ...
// Text cells that a spreadsheet would take for a formula get a leading apostrophe.
[[nodiscard]] std::string results_csv(const Results& results);

// Whether there are results of each class (analyze --per-class), and these as CSV: a row per checkpoint,
// layer and class.
[[nodiscard]] bool has_classes(const Results& results);
[[nodiscard]] std::string classes_csv(const Results& results);

// Results from the text of a results file (format collapscope-results, version 1). Numbers come back bit for
// bit, metrics in their order; keys that the format does not know are passed over. `file` names the text in
// errors. Throws InputError "FILE: JSON PATH: found ..., expected ...": no JSON, truncated, repeated keys,
// nested too deep, another format, a later version, missing parts, wrong types.
[[nodiscard]] Results parse_results(std::string_view text, const std::string& file);

// parse_results of a file of at most 1 GiB. Throws InputError; for an HDF5 file it says how to get results.
[[nodiscard]] Results read_results(const std::string& path);

struct ResultsFile {
  std::string path;
  Results results;
};

struct MergedResults {
  Results results;  // provenance only where there is one file; of several all fallbacks, and nothing else
  std::vector<std::string> warnings;  // printable, a line each
};

// All checkpoints, whatever the order of the files: runs in natural order of their names, the checkpoints of
// a run by step, then path. Checkpoints are the same when path, id, run and step are: of those that differ
// the one whose analysis started last stays, with a warning. `nrc3_final_gamma` becomes undefined where its
// file did not have the last checkpoint of the run. Throws InputError where two that differ started at the
// same time.
[[nodiscard]] MergedResults merge_results(std::vector<ResultsFile> files);

}  // namespace collapscope
