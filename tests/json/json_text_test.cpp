// The JSON writer by itself: both styles, and that its text reads back.
#include "json/json_text.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace collapscope {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// The same tree in either style.
std::string sample(JsonStyle style) {
  JsonText json(style);
  json.open('{').member("count", std::int64_t{-3}).member("large", ~std::uint64_t{0}).member("flag", true);
  json.key("numbers").list(std::vector<double>{0.1, -0.0, 5, infinity});
  json.key("texts").list(std::vector<std::string>{"a", "b"}).key("none").list(std::vector<double>{});
  json.key("empty").open('{').close('}').key("nothing").open('[').close(']');
  json.key("objects").open('[');
  json.open('{')
      .member("missing", std::optional<double>())
      .member("there", std::optional<double>(1e300))
      .close('}');
  json.open('{').close('}').close(']').key("null").null().close('}');
  return std::move(json).text();
}

std::string text_of(JsonStyle style, std::string_view text) {
  JsonText json(style);
  json.value(text);
  return std::move(json).text();
}

TEST(JsonText, CompactIsOneLineWithTheFewestDigits) {
  EXPECT_EQ(sample(JsonStyle::compact),
            R"({"count":-3,"large":18446744073709551615,"flag":true,"numbers":[0.1,-0,5,null],)"
            R"("texts":["a","b"],"none":[],"empty":{},"nothing":[],)"
            R"("objects":[{"missing":null,"there":1e+300},{}],"null":null})");
}

TEST(JsonText, IndentedHasALineForEachMemberAndListsOnOne) {
  EXPECT_EQ(sample(JsonStyle::indented), R"({
  "count": -3,
  "large": 18446744073709551615,
  "flag": true,
  "numbers": [0.10000000000000001, -0.0, 5.0, null],
  "texts": ["a", "b"],
  "none": [],
  "empty": {},
  "nothing": [],
  "objects": [
    {
      "missing": null,
      "there": 1.0000000000000001e+300
    },
    {}
  ],
  "null": null
}
)");
}

TEST(JsonText, CompactTextIsSafeInAScriptElement) {
  EXPECT_EQ(text_of(JsonStyle::compact, "</script>&\"\\\n"),
            R"("\u003c/script\u003e\u0026\u0022\u005c\u000a")");
}

TEST(JsonText, IndentedTextHasTheShortEscapes) {
  EXPECT_EQ(text_of(JsonStyle::indented, "</a>&\"\\\n\t\r\x7f"), "\"</a>&\\\"\\\\\\n\\t\\u000d\\u007f\"\n");
}

TEST(JsonText, WhatActsOnTerminalsIsEscapedAndOtherTextIsNot) {
  const std::string text =
      "\xc2\x9b \xd8\x9c \xe2\x80\xae \xe2\x80\xa8 \xef\xbb\xbf \xc3\xa9 \xf0\x9f\x98\x80";
  const std::string escaped = R"("\u009b \u061c \u202e \u2028 \ufeff )"
                              "\xc3\xa9 \xf0\x9f\x98\x80\"";
  EXPECT_EQ(text_of(JsonStyle::compact, text), escaped);
  EXPECT_EQ(text_of(JsonStyle::indented, text), escaped + "\n");
}

TEST(JsonText, InvalidUtf8BecomesReadable) {
  EXPECT_EQ(text_of(JsonStyle::compact, "a\xff"), R"("a\u005cxff")");
  EXPECT_EQ(text_of(JsonStyle::indented, "a\xff"), "\"a\\\\xff\"\n");
}

}  // namespace
}  // namespace collapscope
