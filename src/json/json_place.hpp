// Reading a JSON tree part by part; what is missing or of the wrong kind becomes an InputError that names its
// place: "results.json: checkpoints[3].layers[0].name: found null, expected text".
#pragma once

#include <string>
#include <string_view>

#include "json/json_tree.hpp"

namespace collapscope {

// A node and how one gets there: a chain on the stack. All members but `where` and `is_null` throw
// InputError.
struct JsonPlace {
  const std::string* file;
  JsonNode* node;
  const JsonPlace* parent = nullptr;
  std::string_view key = {};
  std::size_t index = 0;

  [[nodiscard]] std::string where() const;  // "checkpoints[3].step"
  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(node->value); }

  // Found what is there, expected something else.
  [[noreturn]] void refuse(std::string_view expected) const;

  // The value, which must be of this kind.
  template <class T>
  [[nodiscard]] T& get(std::string_view expected) const {
    T* value = std::get_if<T>(&node->value);
    if (value == nullptr) refuse(expected);
    return *value;
  }
  [[nodiscard]] JsonObject& object() const { return get<JsonObject>("an object"); }
  [[nodiscard]] JsonNode* member(std::string_view name) const;  // nullptr where it is missing
  [[nodiscard]] std::string take_text() const;                  // moved out of the tree
  [[nodiscard]] double number(std::string_view expected = "a number") const;
  [[nodiscard]] std::uint64_t count() const;

  // Calls visit(place) for the member, if there is one.
  template <class Visit>
  void with_member(std::string_view name, const Visit& visit) const {
    if (JsonNode* found = member(name)) visit(JsonPlace{file, found, this, name});
  }
  template <class Visit>
  void need_member(std::string_view name, const Visit& visit) const {
    JsonNode* found = member(name);
    if (found == nullptr) refuse_without(name);
    visit(JsonPlace{file, found, this, name});
  }
  template <class Visit>
  void each_member(const Visit& visit) const {
    for (JsonMember& member : object()) visit(JsonPlace{file, &member.node, this, member.key});
  }
  template <class Visit>
  void each_element(const Visit& visit) const {
    JsonArray& array = get<JsonArray>("a list");
    for (std::size_t i = 0; i < array.size(); ++i) visit(JsonPlace{file, &array[i], this, {}, i});
  }

 private:
  [[noreturn]] void refuse_without(std::string_view name) const;
};

}  // namespace collapscope
