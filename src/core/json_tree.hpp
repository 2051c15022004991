// A JSON text as a tree: members in their order, integers apart from floating-point numbers.
#pragma once

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

// Throws InputError naming `file` and the place: not JSON, truncated, a key twice in an object, numbers that
// double cannot hold, more than 64 levels.
[[nodiscard]] JsonNode parse_json_tree(std::string_view text, const std::string& file);

}  // namespace collapscope
