#include "states/state_tree.hpp"

#include <algorithm>
#include <charconv>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope {

namespace {

std::uint64_t number_in(const std::string& text, std::size_t begin, std::size_t end) {
  std::uint64_t value = 0;
  const auto [last, failure] = std::from_chars(text.data() + begin, text.data() + end, value);
  if (failure != std::errc() || last != text.data() + end) {
    throw Error(fmt::format("'{}' is no place in a state", printable(text)));
  }
  return value;
}

}  // namespace

std::string text_of(const Identity& identity) {
  std::string text;
  for (const auto& [name, value] : identity) {
    text += fmt::format("{}\t{}\n", printable(name), printable(value));
  }
  return text;
}

Identity identity_of(const std::string& text) {
  Identity identity;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::size_t tab = std::min(text.find('\t', begin), end);
    identity.emplace_back(text.substr(begin, tab - begin),
                          tab < end ? text.substr(tab + 1, end - tab - 1) : std::string());
    begin = end + 1;
  }
  return identity;
}

std::string name_of(const Subtree& place) {
  return fmt::format("{}_{}", place.first, place.segments().size());
}

Subtree subtree_of(const std::string& name) {
  const std::size_t bar = std::min(name.find('_'), name.size());
  const std::uint64_t size = number_in(name, bar + 1, name.size());
  Subtree place{number_in(name, 0, bar), 0};
  place.height = whole_tree(size).height;
  return place;
}

}  // namespace collapscope
