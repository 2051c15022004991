// Words and lines for people: what was probably meant, and lines that fit a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace collapscope::tools {

// The one of `names` that `word` was probably meant to be: few letters are other. Empty: none is near.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& names);

// "; did you mean 'NAME'?", or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string>& names);

// "a, b, c and 17 more"
[[nodiscard]] std::string first_of(const std::vector<std::string>& names, std::size_t most);

// The text of --help with no line of more than `width` characters. What does not fit goes on below the
// beginning of its description, or of its line.
[[nodiscard]] std::string fitted(std::string_view help, std::size_t width);

}  // namespace collapscope::tools
