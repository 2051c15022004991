// UTF-8 as reports need it: one character at a time, and whether a text is valid at all.
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

[[nodiscard]] bool is_utf8(std::string_view text);

// `text` as it is when it is valid UTF-8, else printable(text): the offending bytes as \xNN. Names that
// differ stay different, which U+FFFD would not give.
[[nodiscard]] std::string utf8_text(std::string_view text);

}  // namespace collapscope
