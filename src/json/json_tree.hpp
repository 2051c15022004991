// A JSON text as a tree: members in their order, integers apart from floating-point numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace collapscope {

struct JsonMember;
struct JsonNode;
using JsonArray = std::vector<JsonNode>;
using JsonObject = std::vector<JsonMember>;

struct JsonNode {
  // null, true and false, an integer, one beyond int64, a floating-point number, text
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, JsonArray, JsonObject>
      value;
};

struct JsonMember {
  std::string key;
  JsonNode node;
};

constexpr std::size_t deepest_json = 64;

// Objects and arrays inside `kept_levels` others are read and checked like the rest, but come back empty.
// Throws InputError naming `file` and the place: not JSON, truncated, a key twice in an object, numbers that
// double cannot hold, more than 64 levels, or so many values that reading them takes many times the text.
[[nodiscard]] JsonNode parse_json_tree(std::string_view text, const std::string& file,
                                       std::size_t kept_levels = deepest_json);

}  // namespace collapscope
