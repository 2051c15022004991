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

}  // namespace
}  // namespace collapscope
