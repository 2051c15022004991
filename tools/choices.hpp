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

// Of --device.
[[nodiscard]] inline std::vector<std::string> some_devices() {
  return {"auto", "cpu", "cuda", "cuda:0", "cuda:all"};
}

}  // namespace collapscope::tools
