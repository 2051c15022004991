// What states and parts have in common: identities as text, sums over subtrees as groups.
#pragma once

#include <fmt/format.h>

#include <map>
#include <string>
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

template <class Value>
std::map<Subtree, Value> read_subtrees(const hdf5::TreeReader& file, const std::string& group) {
  std::map<Subtree, Value> subtrees;
  for (const std::string& name : file.names(group)) {
    Value value;
    each_field(value, FieldReader(file, fmt::format("{}/{}", group, name)));
    subtrees.emplace(subtree_of(name), std::move(value));
  }
  return subtrees;
}

}  // namespace collapscope
