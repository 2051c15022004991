// Values that an option takes by name.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace collapscope::tools {

template <typename T>
using Choices = std::map<std::string, T>;

template <typename T>
[[nodiscard]] std::vector<std::string> names_of(const Choices<T>& choices) {
  std::vector<std::string> names;
  for (const auto& [name, value] : choices) {
    names.push_back(name);
  }
  return names;
}

}  // namespace collapscope::tools
