// Valid and invalid UTF-8.
#include "core/utf8.hpp"

#include <gtest/gtest.h>

namespace collapscope {
namespace {

std::string encode(char32_t c) {
  const auto byte = [](char32_t bits) { return static_cast<char>(bits); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xc0 | c >> 6), byte(0x80 | (c & 0x3f))};
  if (c < 0x10000) return {byte(0xe0 | c >> 12), byte(0x80 | (c >> 6 & 0x3f)), byte(0x80 | (c & 0x3f))};
  return {byte(0xf0 | c >> 18), byte(0x80 | (c >> 12 & 0x3f)), byte(0x80 | (c >> 6 & 0x3f)),
          byte(0x80 | (c & 0x3f))};
}

TEST(Utf8, DecodesEveryCodePointAndRefusesSurrogates) {
  for (char32_t c = 0; c < 0x120000; ++c) {
    const CodePoint point = decode_utf8(encode(c));
    const bool valid = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
    ASSERT_EQ(point.bytes, valid ? encode(c).size() : 0) << std::hex << static_cast<unsigned>(c);
    ASSERT_EQ(point.value, valid ? c : 0);
  }
}

TEST(Utf8, RefusesOverlongTruncatedAndStrayBytes) {
  for (const char* text : {"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                           "\xf5\x80\x80\x80", "\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc3("}) {
    EXPECT_EQ(decode_utf8(text).bytes, 0U) << text;
    EXPECT_FALSE(is_utf8(std::string("abc") + text));
  }
}

TEST(Utf8, TextIsKeptWhenValidElseEscaped) {
  EXPECT_EQ(utf8_text("tab\t é \x1b"), "tab\t é \x1b");
  EXPECT_EQ(utf8_text("fc\xff"), "fc\\xff");
  EXPECT_NE(utf8_text("fc\xff"), utf8_text("fc\xfe"));
  EXPECT_EQ(utf8_text(""), "");
}

}  // namespace
}  // namespace collapscope
