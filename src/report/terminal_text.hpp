// Text measured in the columns of a terminal. All functions but shown_text expect printable UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace collapscope {

// Columns that `text` takes: 2 for wide East Asian characters and emoji, 0 for combining marks.
[[nodiscard]] std::size_t display_width(std::string_view text);

// `text` when it fits into head + 1 + tail columns, else its first `head` and last `tail` columns with "…"
// between them.
[[nodiscard]] std::string shorten(std::string_view text, std::size_t head, std::size_t tail);

// `text` in at most `width` columns, "…" in its middle when it had to be cut.
[[nodiscard]] std::string shorten_middle(std::string_view text, std::size_t width);

// A text from a file, printable and in at most `width` columns; the middle of a huge one is not looked at.
[[nodiscard]] std::string shown_text(std::string_view raw, std::size_t width);

[[nodiscard]] std::string pad_left(std::string_view text, std::size_t width);
[[nodiscard]] std::string pad_right(std::string_view text, std::size_t width);

// `pieces` joined by `separator` on lines of at most `width` columns; the second and later lines begin with
// `indent` spaces (fewer than `width`). A piece longer than a line is broken at a space, or where the line
// ends.
[[nodiscard]] std::vector<std::string> wrap(const std::vector<std::string>& pieces,
                                            std::string_view separator, std::size_t width,
                                            std::size_t indent);

// The words of `text`, split at spaces.
[[nodiscard]] std::vector<std::string> words(std::string_view text);

}  // namespace collapscope
