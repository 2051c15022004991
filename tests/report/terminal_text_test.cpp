// Display widths, shortening, wrapping.
#include "report/terminal_text.hpp"

#include <gtest/gtest.h>

namespace collapscope {
namespace {

TEST(TerminalText, CountsColumnsNotBytes) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("fc1"), 3U);
  EXPECT_EQ(display_width("é…–"), 3U);
  EXPECT_EQ(display_width("e\xcc\x81"), 1U);
  EXPECT_EQ(display_width("日本"), 4U);
  EXPECT_EQ(display_width("😀"), 2U);
}

TEST(TerminalText, ShortensInTheMiddle) {
  EXPECT_EQ(shorten_middle("fc1", 3), "fc1");
  EXPECT_EQ(shorten_middle("abcdefghij", 7), "abc…hij");
  EXPECT_EQ(shorten_middle("abcdefghij", 6), "abc…ij");
  EXPECT_EQ(shorten_middle("abcdef", 1), "…");
  EXPECT_EQ(shorten_middle("abcdef", 0), "");
  EXPECT_EQ(shorten("model.layers.3.mlp", 7, 5), "model.l…3.mlp");
}

TEST(TerminalText, NeverCutsACharacterOrPassesTheWidth) {
  const std::string text = "日本語のレイヤー é e\xcc\x81 😀 plain";
  for (std::size_t width = 0; width < 40; ++width) {
    const std::string cut = shorten_middle(text, width);
    EXPECT_LE(display_width(cut), width);
    EXPECT_EQ(cut == text, display_width(text) <= width);
    EXPECT_EQ(cut.find('\xef'), std::string::npos);  // no replacement characters, no torn bytes
  }
}

TEST(TerminalText, PadsByColumns) {
  EXPECT_EQ(pad_left("é", 3), "  é");
  EXPECT_EQ(pad_right("日", 3), "日 ");
  EXPECT_EQ(pad_left("long", 2), "long");
}

TEST(TerminalText, WrapsBetweenPieces) {
  const std::vector<std::string> lines = wrap({"one two", "three", "four"}, ", ", 15, 2);
  EXPECT_EQ(lines, (std::vector<std::string>{"one two, three,", "  four"}));
  EXPECT_EQ(wrap({}, ", ", 15, 2), std::vector<std::string>{""});
  EXPECT_EQ(wrap({"a", "b"}, ", ", 15, 2), std::vector<std::string>{"a, b"});
}

TEST(TerminalText, BreaksPiecesThatAreLongerThanALine) {
  EXPECT_EQ(wrap({"abcdefghij"}, " ", 6, 2), (std::vector<std::string>{"abcdef", "  ghij"}));
  EXPECT_EQ(wrap({"aaa bbb ccc"}, ", ", 8, 2), (std::vector<std::string>{"aaa bbb", "  ccc"}));
  for (std::size_t width = 5; width < 30; ++width) {
    for (const std::string& line :
         wrap({"short", std::string(50, 'x'), "日本語日本語日本語", "end"}, ", ", width, 2)) {
      EXPECT_LE(display_width(line), width);
    }
  }
}

TEST(TerminalText, SplitsWords) {
  EXPECT_EQ(words("  one  two "), (std::vector<std::string>{"one", "two"}));
  EXPECT_TRUE(words("").empty());
}

}  // namespace
}  // namespace collapscope
