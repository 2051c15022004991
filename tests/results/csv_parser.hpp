// A strict reader of RFC 4180 with \n as the line end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace collapscope::test {

// Rows of cells. Throws std::runtime_error for a stray quote, an unclosed one or a missing last line end.
[[nodiscard]] std::vector<std::vector<std::string>> parse_csv(std::string_view text);

}  // namespace collapscope::test
