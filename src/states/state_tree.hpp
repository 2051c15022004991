// What states and parts have in common: identities as text, sums over subtrees as groups.
#pragma once

#include <fmt/format.h>

#include <map>
#include <string>
#include <type_traits>
#include <utility>

#include "collapscope/states/states.hpp"
#include "states/state_fields.hpp"

namespace collapscope {

// A line for each.
[[nodiscard]] std::string text_of(const Identity& identity);
[[nodiscard]] Identity identity_of(const std::string& text);

// "8_4": first and size. Throws Error for other texts.
[[nodiscard]] std::string name_of(const Subtree& place);
[[nodiscard]] Subtree subtree_of(const std::string& name);

template <class Value>
void write_subtrees(hdf5::TreeWriter& file, const std::string& group,
                    const std::map<Subtree, Value>& subtrees) {
  file.group(group);
  for (const auto& [place, value] : subtrees) {
    const std::string object = fmt::format("{}/{}", group, name_of(place));
    file.group(object);
    each_field(value, FieldWriter(file, object));
  }
}

// Throws Error where the file has none, or such as cannot be.
template <class Value>
Value read_sums(const hdf5::TreeReader& file, const std::string& object) {
  Value value;
  each_field(value, FieldReader(file, object));
  if constexpr (std::is_same_v<Value, Moments>) {
    if (!is_consistent(value)) {
      throw Error(object + ": found sums of sizes that do not fit one another");
    }
  }
  return value;
}

template <class Value>
std::map<Subtree, Value> read_subtrees(const hdf5::TreeReader& file, const std::string& group) {
  std::map<Subtree, Value> subtrees;
  for (const std::string& name : file.names(group)) {
    subtrees.emplace(subtree_of(name), read_sums<Value>(file, fmt::format("{}/{}", group, name)));
  }
  return subtrees;
}

}  // namespace collapscope
