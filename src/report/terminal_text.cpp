// Display widths, shortening and wrapping.
#include "report/terminal_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "collapscope/core/text.hpp"
#include "core/utf8.hpp"

namespace collapscope {
namespace {

using Range = std::pair<char32_t, char32_t>;

constexpr std::array<Range, 10> zero_width = {{{0x0300, 0x036f},
                                               {0x0483, 0x0489},
                                               {0x0591, 0x05bd},
                                               {0x1ab0, 0x1aff},
                                               {0x1dc0, 0x1dff},
                                               {0x200b, 0x200f},
                                               {0x20d0, 0x20ff},
                                               {0xfe00, 0xfe0f},
                                               {0xfe20, 0xfe2f},
                                               {0xfeff, 0xfeff}}};

constexpr std::array<Range, 13> double_width = {{{0x1100, 0x115f},
                                                 {0x2e80, 0x303e},
                                                 {0x3041, 0x33ff},
                                                 {0x3400, 0x4dbf},
                                                 {0x4e00, 0x9fff},
                                                 {0xa000, 0xa4cf},
                                                 {0xac00, 0xd7a3},
                                                 {0xf900, 0xfaff},
                                                 {0xfe30, 0xfe6f},
                                                 {0xff00, 0xff60},
                                                 {0xffe0, 0xffe6},
                                                 {0x1f300, 0x1faff},
                                                 {0x20000, 0x3fffd}}};

template <std::size_t n>
bool within(char32_t c, const std::array<Range, n>& ranges) {
  return std::ranges::any_of(ranges, [c](Range range) { return range.first <= c && c <= range.second; });
}

std::size_t columns_of(char32_t c) {
  if (c < zero_width[0].first) return 1;  // most text
  if (within(c, zero_width)) return 0;
  return within(c, double_width) ? 2 : 1;
}

struct Character {
  std::size_t offset;
  std::size_t bytes;
  std::size_t columns;
};

std::vector<Character> characters(std::string_view text) {
  std::vector<Character> out;
  for (std::size_t offset = 0; offset < text.size();) {
    const CodePoint point = decode_utf8(text.substr(offset));
    const std::size_t bytes = std::max<std::size_t>(point.bytes, 1);
    out.push_back({offset, bytes, point.bytes == 0 ? 1 : columns_of(point.value)});
    offset += bytes;
  }
  return out;
}

// Bytes of the longest beginning of `text` that fits into `width` columns; at least one character.
std::size_t fitting_bytes(std::string_view text, std::size_t width) {
  std::size_t columns = 0;
  for (const Character& c : characters(text)) {
    columns += c.columns;
    if (columns > width && c.offset > 0) return c.offset;
  }
  return text.size();
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  for (const Character& c : characters(text)) columns += c.columns;
  return columns;
}

std::string shorten(std::string_view text, std::size_t head, std::size_t tail) {
  if (display_width(text) <= head + 1 + tail) return std::string(text);
  const std::vector<Character> all = characters(text);
  std::size_t begin = 0;
  for (std::size_t used = 0; begin < all.size() && used + all[begin].columns <= head; ++begin) {
    used += all[begin].columns;
  }
  std::size_t end = all.size();
  for (std::size_t used = 0; end > begin && used + all[end - 1].columns <= tail; --end) {
    used += all[end - 1].columns;
  }
  const auto offset = [&](std::size_t i) { return i < all.size() ? all[i].offset : text.size(); };
  return std::string(text.substr(0, offset(begin))) + "…" + std::string(text.substr(offset(end)));
}

std::string shorten_middle(std::string_view text, std::size_t width) {
  if (width == 0) return "";
  return shorten(text, width / 2, width - 1 - width / 2);
}

std::string shown_text(std::string_view raw, std::size_t width) {
  const std::size_t kept = 4 * width;  // bytes at each end: no character takes more than 4
  if (raw.size() <= 2 * kept) return shorten_middle(printable(raw), width);
  return shorten_middle(printable(raw.substr(0, kept)) + "…" + printable(raw.substr(raw.size() - kept)),
                        width);
}

std::string pad_left(std::string_view text, std::size_t width) {
  const std::size_t used = display_width(text);
  return std::string(width > used ? width - used : 0, ' ') + std::string(text);
}

std::string pad_right(std::string_view text, std::size_t width) {
  const std::size_t used = display_width(text);
  return std::string(text) + std::string(width > used ? width - used : 0, ' ');
}

std::vector<std::string> wrap(const std::vector<std::string>& pieces, std::string_view separator,
                              std::size_t width, std::size_t indent) {
  const std::string margin(indent, ' ');
  std::string_view line_end = separator;  // without its trailing spaces
  while (line_end.ends_with(' ')) line_end.remove_suffix(1);
  std::vector<std::string> lines(1);
  bool empty = true;  // nothing but the margin on the current line
  const auto next_line = [&] {
    lines.push_back(margin);
    empty = true;
  };
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    std::string piece = pieces[i] + std::string(i + 1 < pieces.size() ? line_end : "");
    const std::string gap(separator.substr(line_end.size()));
    if (!empty && display_width(lines.back()) + gap.size() + display_width(piece) > width) next_line();
    if (!empty) lines.back() += gap;
    while (display_width(lines.back()) + display_width(piece) > width) {
      std::size_t bytes = fitting_bytes(piece, width - display_width(lines.back()));
      if (bytes == piece.size()) break;
      const std::size_t space = piece.rfind(' ', bytes);
      if (space != std::string::npos && space > 0) bytes = space;
      lines.back() += piece.substr(0, bytes);
      piece.erase(0, std::min(piece.find_first_not_of(' ', bytes), piece.size()));
      next_line();
    }
    lines.back() += piece;
    empty = empty && piece.empty();
  }
  return lines;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace collapscope
