// UTF-8: one character at a time, whether a text is valid at all, and what may be shown.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace collapscope {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 0;  // 0: not valid UTF-8 (overlong, surrogate, truncated, beyond U+10FFFF)
};

// The first character of a non-empty text.
[[nodiscard]] CodePoint decode_utf8(std::string_view text);

// Controls, bidirectional overrides and marks, line separators: what a terminal must not get from a file.
[[nodiscard]] bool acts_on_terminals(char32_t c);

[[nodiscard]] bool is_utf8(std::string_view text);

// `text` as it is when it is valid UTF-8, else printable(text): the offending bytes as \xNN. Names that
// differ stay different, which U+FFFD would not give.
[[nodiscard]] std::string utf8_text(std::string_view text);

}  // namespace collapscope
