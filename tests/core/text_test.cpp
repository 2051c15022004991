// Text from files and users: what may be shown, sizes, natural order, globs.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope {
namespace {

using namespace std::string_literals;

TEST(Printable, LeavesPlainAndUnicodeTextAlone) {
  for (const std::string text :
       {"", "layer1/fc.weight", "a b~!", "\xc3\xa9t\xc3\xa9", "\xe5\xb1\xa4", "\xf0\x9f\x98\x80",
        "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80", "\xc2\xa0"}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, EscapesControlsAndTerminalSequences) {
  EXPECT_EQ(printable("a\nb\tc\r"), "a\\x0ab\\x09c\\x0d");
  EXPECT_EQ(printable("\x1b[31mred\x1b[0m"), "\\x1b[31mred\\x1b[0m");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("a\0b"s), "a\\x00b");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");  // C1: CSI in one code point
  EXPECT_EQ(printable("\xc2\x80"), "\\xc2\\x80");
  EXPECT_EQ(printable("\xc2\x9f"), "\\xc2\\x9f");
}

TEST(Printable, EscapesInvalidUtf8) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"\x80", "\\x80"},  // a continuation on its own
      {"\xc3", "\\xc3"},  // cut off
      {"\xe2\x82", "\\xe2\\x82"},
      {"\xf0\x9f\x98", "\\xf0\\x9f\\x98"},
      {"\xc3(", "\\xc3("},  // what follows is kept
      {"\xe2\x82z", "\\xe2\\x82z"},
      {"\xc0\xaf", "\\xc0\\xaf"},  // overlong '/'
      {"\xc1\xbf", "\\xc1\\xbf"},
      {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
      {"\xe0\x9f\xbf", "\\xe0\\x9f\\xbf"},  // overlong U+07FF
      {"\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"},
      {"\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf"},  // overlong U+FFFF
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},           // surrogates
      {"\xed\xbf\xbf", "\\xed\\xbf\\xbf"},
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // beyond U+10FFFF
      {"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"},
      {"\xff\xfe", "\\xff\\xfe"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(printable(text), expected);
  }
}

TEST(Printable, EscapesBidirectionalOverridesAndLineSeparators) {
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b"),
            "a\\xe2\\x80\\xaeb");  // U+202E
  for (const std::string text : {"\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9",
                                 "\xe2\x80\xaa", "\xe2\x81\xa6", "\xe2\x81\xa9"}) {
    EXPECT_EQ(printable(text).substr(0, 4), "\\xe2") << printable(text);
  }
  EXPECT_EQ(printable("\xe2\x80\xaf"), "\xe2\x80\xaf");  // U+202F is only a space
}

TEST(HumanBytes, HasAtMostOneDecimal) {
  const std::vector<std::pair<std::uint64_t, std::string>> cases{
      {0, "0 B"},
      {1, "1 B"},
      {1023, "1023 B"},
      {1024, "1.0 KiB"},
      {1536, "1.5 KiB"},
      {99 * 1024 + 900, "99.9 KiB"},
      {100 * 1024, "100 KiB"},
      {(1ULL << 20U) - 1, "1.0 MiB"},
      {1ULL << 30U, "1.0 GiB"},
      {3ULL << 40U, "3.0 TiB"},
      {~0ULL, "16.0 EiB"},
  };
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(human_bytes(bytes), text) << bytes;
  }
}

TEST(ParseBytes, ReadsBinaryUnits) {
  const std::vector<std::pair<std::string, std::uint64_t>> cases{
      {"0", 0},
      {"100000", 100000},
      {"512M", 512ULL << 20U},
      {"2GiB", 2ULL << 30U},
      {"2gb", 2ULL << 30U},
      {"1.5g", 3ULL << 29U},
      {"1 KiB", 1024},
      {"7B", 7},
      {"1e3", 1000},
      {"4T", 4ULL << 40U},
      {"0.5k", 512},
  };
  for (const auto& [text, bytes] : cases) {
    EXPECT_EQ(parse_bytes(text), bytes) << text;
  }
}

TEST(ParseBytes, RefusesWhatIsNoSize) {
  for (const char* text :
       {"",    "M",    "-1", "-5G", "nan",  "inf",      "1e999", "1X",     "1KK", "1KiBs", "1iB",
        "1 2", "0x10", "+1", " 1",  "9e18", "8388608T", "1G\n",  "twelve", "1.5", "0.5B"}) {
    EXPECT_THROW((void)parse_bytes(text), UsageError) << text;
  }
}

TEST(ShapeText, ListsDimensions) {
  EXPECT_EQ(shape_text({}), "[]");
  EXPECT_EQ(shape_text({7}), "[7]");
  EXPECT_EQ(shape_text({200000, 512}), "[200000, 512]");
}

TEST(NaturalLess, ComparesDigitsAsNumbers) {
  EXPECT_TRUE(natural_less("fc2", "fc10"));
  EXPECT_FALSE(natural_less("fc10", "fc2"));
  EXPECT_TRUE(natural_less("a9.b10", "a10.b9"));
  EXPECT_TRUE(natural_less("v99999999999999999999998", "v99999999999999999999999"));  // beyond 64 bits
  EXPECT_TRUE(natural_less("v9", "v00010"));
  EXPECT_TRUE(natural_less("fc", "fc1"));
  EXPECT_TRUE(natural_less("", "0"));
  EXPECT_TRUE(natural_less("z", "\xc3\xa9"));  // bytes are unsigned
}

TEST(NaturalLess, IsAStrictTotalOrderOfDifferentNames) {
  const std::vector<std::string> names{"",      "0",    "00",     "000",  "01",      "1",    "1a",   "01a",
                                       "001a",  "a",    "a0",     "a00",  "a1",      "a01",  "a01b", "a1b",
                                       "a1c",   "a2",   "a02",    "a10",  "a1.0",    "a1.",  "a1-1", "a-1",
                                       "a:1",   "a/1",  "b",      "B",    "1.2",     "1.10", "1.02", "01.2",
                                       "01.02", "a1b0", "a01b00", "\xc3", "\xc3\xa9"};
  for (const auto& a : names) {
    EXPECT_FALSE(natural_less(a, a)) << a;
    for (const auto& b : names) {
      if (a != b) {
        EXPECT_NE(natural_less(a, b), natural_less(b, a)) << a << " " << b;
      }
      for (const auto& c : names) {
        EXPECT_FALSE(natural_less(a, b) && natural_less(b, c) && !natural_less(a, c))
            << a << " " << b << " " << c;
      }
    }
  }
}

struct GlobCase {
  const char* pattern;
  const char* name;
  bool matches;
};

TEST(GlobMatch, MatchesWholeNames) {
  for (const GlobCase& c : std::vector<GlobCase>{
           {"", "", true},
           {"", "a", false},
           {"*", "", true},
           {"*", "fc1/x", true},
           {"**", "a", true},
           {"?", "", false},
           {"?", "a", true},
           {"?", "ab", false},
           {"fc*", "fc12", true},
           {"fc*", "xfc1", false},
           {"*.weight", "a.weight", true},
           {"*ab", "aab", true},
           {"a*b*c", "aXbYbZc", true},
           {"a*b*c", "aXbYbZ", false},
           {"*a*a*", "a", false},
           {"abc", "abcd", false},
           {"abcd", "abc", false},
           {"ab*", "ab", true},
           {"f[cd]1", "fc1", true},
           {"f[cd]1", "fe1", false},
           {"[a-c]", "b", true},
           {"[a-c]", "d", false},
           {"[a-]", "-", true},
           {"[]a]", "]", true},
           {"[!a]", "b", true},
           {"[!a]", "a", false},
           {"[^a-c]x", "dx", true},
           {"[^a-c]x", "bx", false},
           {"[!]]", "]", false},
           {"[!]]", "a", true},
           {"[!a]", "", false},
           {"*[0-9]", "fc12", true},
           {"*[0-9]", "fc12x", false},
           {"[", "[", true},
           {"[ab", "[ab", true},
           {"[ab", "a", false},
           {"*[", "x[", true},
           {"[]", "[]", true},
           {"[!", "[!", true},
           {"*", "*", true},
           {"a?c", "a*c", true},
           {"Head[0]", "Head[0]", true},
           {"Head[0]", "Head0", true},
           {"Head[0]", "Head[1]", false},
           {"Head[[]*]", "Head[1]", true},
       }) {
    EXPECT_EQ(glob_match(c.pattern, c.name), c.matches) << c.pattern << " on " << c.name;
  }
}

TEST(GlobMatch, KnowsTheNamesThatThereAre) {
  const std::vector<std::string> names{"h0", "h[0]", "a*b?[c]", "fc1"};
  const std::vector<std::string> globs = globs_among({"h[0]", "h[1]", "a*b?[c]", "fc1"}, names);
  EXPECT_TRUE(glob_match(globs.at(0), "h[0]"));
  EXPECT_FALSE(glob_match(globs.at(0), "h0"));
  EXPECT_EQ(globs.at(1), "h[1]");
  EXPECT_TRUE(glob_match(globs.at(2), "a*b?[c]"));
  EXPECT_FALSE(glob_match(globs.at(2), "axxbyc"));
  EXPECT_EQ(globs.at(3), "fc1");
}

TEST(GlobMatch, TakesNoExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 30; ++i) {
    pattern += "*a";
  }
  EXPECT_FALSE(glob_match(pattern + "b", std::string(2000, 'a')));
}

}  // namespace
}  // namespace collapscope
