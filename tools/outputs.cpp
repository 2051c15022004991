#include "outputs.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "collapscope/core/error.hpp"
#include "collapscope/core/files.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/report/report.hpp"
#include "collapscope/results/results_file.hpp"
#include "terminal.hpp"

namespace collapscope::tools {

namespace {

void require_standard_output() {
  if (!has_standard_output()) {
    throw UsageError("cannot write to standard output: it is closed; expected -o FILE, or >/dev/null");
  }
}

}  // namespace

void check_output(const std::string& output, const std::vector<std::string>& extensions) {
  if (output == "-") {
    require_standard_output();
    return;
  }
  const std::string extension = std::filesystem::path(output).extension();
  if (std::find(extensions.begin(), extensions.end(), extension) == extensions.end()) {
    const bool has_json = std::ranges::find(extensions, ".json") != extensions.end();
    throw UsageError(fmt::format("-o {}: expected a name that ends in {}{}", printable(output),
                                 fmt::join(extensions, " or "),
                                 has_json ? ", or - for JSON on standard output" : ""));
  }
  check_writable(output);
}

void check_writable(const std::string& output) {
  std::error_code unknown;
  const std::filesystem::path folder = std::filesystem::absolute(output, unknown).parent_path();
  if (unknown) {
    throw UsageError(fmt::format("-o {}: the folder in which this runs is gone", printable(output)));
  }
  if (!std::filesystem::is_directory(folder, unknown) || ::access(folder.c_str(), W_OK) != 0) {
    throw UsageError(
        fmt::format("-o {}: cannot write into {}", printable(output), printable(folder.string())));
  }
  if (std::filesystem::is_directory(output, unknown)) {
    throw UsageError(fmt::format("-o {}: is a folder", printable(output)));
  }
  require_writable(output);
}

void check_outputs(const std::vector<std::string>& outputs, const std::vector<std::string>& extensions) {
  if (outputs.empty()) {
    require_standard_output();
  }
  if (std::ranges::count(outputs, "-") > 1) {
    throw UsageError("-o -: given more than once; standard output takes one");
  }
  for (const std::string& output : outputs) {
    check_output(output, extensions);
  }
}

std::string classes_output(const std::string& output) {
  return std::filesystem::path(output).replace_extension(".classes.csv").string();
}

void check_no_input(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs) {
  namespace fs = std::filesystem;
  for (const std::string& output : outputs) {
    const auto input = std::ranges::find_if(inputs, [&](const std::string& path) {
      std::error_code missing;
      return output != "-" && fs::equivalent(output, path, missing);
    });
    if (input != inputs.end()) {
      throw UsageError(
          fmt::format("-o {}: is the input {}; expected another file", printable(output), printable(*input)));
    }
  }
}

bool write_each(const std::vector<std::string>& outputs,
                const std::function<void(const std::string&)>& write) {
  std::size_t failed = 0;
  for (const std::string& output : outputs) {
    try {
      write(output);
    } catch (const Error& error) {
      if (++failed == outputs.size()) {
        throw;
      }
      tell(error.what());
    }
  }
  return failed == 0;
}

bool write_results(const Results& results, const std::vector<std::string>& outputs,
                   const MetricChoice& metrics) {
  if (outputs.empty()) {
    const std::string collapse = collapse_text(results, {}, terminal_width(), has_width());
    print(results_table(results, {terminal_width(), wants_colour(STDOUT_FILENO), metrics, {}, has_width()}) +
          (collapse.empty() ? "" : "\n" + collapse));
    if (const std::string classes = classes_table(results); !classes.empty()) {
      print("\n" + classes);
    }
  }
  return write_each(outputs, [&](const std::string& output) {
    if (output == "-") {
      print(results_json(results));
    } else {
      const bool is_csv = std::filesystem::path(output).extension() == ".csv";
      write_file_atomically(output, is_csv ? results_csv(results) : results_json(results));
      if (is_csv && has_classes(results)) {
        write_file_atomically(classes_output(output), classes_csv(results));
      }
    }
  });
}

void tell(const std::string& line) { (void)std::fputs((line + '\n').c_str(), stderr); }

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw Error("cannot write to standard output");
  }
}

}  // namespace collapscope::tools
