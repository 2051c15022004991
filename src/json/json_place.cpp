#include "json/json_place.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope {
namespace {

constexpr std::size_t longest_quote = 40;  // bytes of a wrong text that an error shows

struct NodeText {
  std::string operator()(std::monostate /*null*/) const { return "null"; }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(std::int64_t number) const { return fmt::format("the integer {}", number); }
  std::string operator()(std::uint64_t number) const { return fmt::format("the integer {}", number); }
  std::string operator()(double number) const { return fmt::format("the number {}", number); }
  std::string operator()(const std::string& text) const {
    if (text.size() <= longest_quote) return fmt::format("the text '{}'", printable(text));
    return fmt::format("the text '{}...'", printable(std::string_view(text).substr(0, longest_quote)));
  }
  std::string operator()(const JsonArray& array) const { return fmt::format("a list of {}", array.size()); }
  std::string operator()(const JsonObject& /*object*/) const { return "an object"; }
};

}  // namespace

std::string JsonPlace::where() const {
  if (parent == nullptr) return "";
  const std::string above = parent->where();
  if (key.empty()) return fmt::format("{}[{}]", above, index);
  return above.empty() ? std::string(key) : fmt::format("{}.{}", above, key);
}

JsonNode* JsonPlace::member(std::string_view name) const {
  JsonObject& members = object();
  const auto found = std::ranges::find(members, name, &JsonMember::key);
  return found == members.end() ? nullptr : &found->node;
}

void JsonPlace::refuse(std::string_view expected) const {
  throw InputError(*file, where(),
                   fmt::format("found {}, expected {}", std::visit(NodeText{}, node->value), expected));
}

void JsonPlace::refuse_without(std::string_view name) const {
  throw InputError(*file, where(), fmt::format("lacks '{}'", name));
}

std::string JsonPlace::take_text() const { return std::move(get<std::string>("text")); }

double JsonPlace::number(std::string_view expected) const {
  if (const auto* integer = std::get_if<std::int64_t>(&node->value)) return static_cast<double>(*integer);
  return get<double>(expected);
}

std::uint64_t JsonPlace::count() const {
  if (const auto* large = std::get_if<std::uint64_t>(&node->value)) return *large;
  const std::int64_t number = get<std::int64_t>("a count");
  if (number < 0) refuse("a count");
  return static_cast<std::uint64_t>(number);
}

}  // namespace collapscope
