#include "outputs.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope::tools {

void check_output(const std::string& output, const std::vector<std::string>& extensions) {
  if (output == "-") {
    return;
  }
  const std::string extension = std::filesystem::path(output).extension();
  if (std::find(extensions.begin(), extensions.end(), extension) == extensions.end()) {
    throw UsageError(fmt::format("-o {}: expected a name that ends in {}, or - for JSON on standard output",
                                 printable(output), fmt::join(extensions, " or ")));
  }
  const std::filesystem::path folder = std::filesystem::absolute(output).parent_path();
  if (!std::filesystem::is_directory(folder) || ::access(folder.c_str(), W_OK) != 0) {
    throw UsageError(
        fmt::format("-o {}: cannot write into {}", printable(output), printable(folder.string())));
  }
  if (std::filesystem::is_directory(output)) {
    throw UsageError(fmt::format("-o {}: is a folder", printable(output)));
  }
}

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw Error("cannot write to standard output");
  }
}

}  // namespace collapscope::tools
