// The JSON reader by itself; what it refuses is tested where files are read (read_results_test.cpp).
#include "json/json_tree.hpp"

#include <gtest/gtest.h>

#include "collapscope/core/error.hpp"

namespace collapscope {
namespace {

const JsonObject& object_of(const JsonNode& node) { return std::get<JsonObject>(node.value); }

TEST(JsonTree, KeepsOrderAndKindsOfNumbers) {
  const JsonNode tree = parse_json_tree(R"({"b": 1, "a": 1.0, "c": 18446744073709551615})", "file");
  const JsonObject& members = object_of(tree);
  ASSERT_EQ(members.size(), 3U);
  EXPECT_EQ(members[0].key, "b");
  EXPECT_EQ(std::get<std::int64_t>(members[0].node.value), 1);
  EXPECT_EQ(std::get<double>(members[1].node.value), 1.0);
  EXPECT_EQ(std::get<std::uint64_t>(members[2].node.value), 18446744073709551615U);
}

TEST(JsonTree, WhatIsDeeperThanWantedComesBackEmpty) {
  const JsonNode tree =
      parse_json_tree(R"({"t": "x", "o": {"k": {"l": 1}}, "a": [1, [2]], "n": 3})", "file", 1);
  const JsonObject& members = object_of(tree);
  ASSERT_EQ(members.size(), 4U);
  EXPECT_EQ(std::get<std::string>(members[0].node.value), "x");
  EXPECT_TRUE(object_of(members[1].node).empty());
  EXPECT_TRUE(std::get<JsonArray>(members[2].node.value).empty());
  EXPECT_EQ(std::get<std::int64_t>(members[3].node.value), 3);
}

TEST(JsonTree, WhatIsNotKeptIsCheckedAllTheSame) {
  EXPECT_THROW(static_cast<void>(parse_json_tree(R"({"o": {"k": {"l": 1, "l": 2}}})", "file", 1)),
               InputError);
  EXPECT_THROW(static_cast<void>(parse_json_tree(R"({"o": {"k": [1, 2})", "file", 1)), InputError);
}

// A value takes many times the bytes of its text, where the text is as short as can be.
TEST(JsonTree, VeryManyShortValuesAreRefused) {
  const auto list = [](std::size_t values) {
    std::string text = "[";
    for (std::size_t i = 0; i < values; ++i) {
      text += "1,";
    }
    return text + "1]";
  };
  EXPECT_EQ(std::get<JsonArray>(parse_json_tree(list(99'000), "file").value).size(), 99'001U);
  try {
    (void)parse_json_tree(list(200'000), "file");
    ADD_FAILURE() << "accepted";
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("more than 166667 values"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace collapscope
