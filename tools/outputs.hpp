// Where results go.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace collapscope::tools {

// Throws UsageError unless `output` is "-" or a file that could be written, with one of these extensions:
// refused before hours of work, not after them.
void check_output(const std::string& output, const std::vector<std::string>& extensions);

// To standard output, at once. Throws Error.
void print(std::string_view text);

}  // namespace collapscope::tools
