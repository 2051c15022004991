#include "results/run_key.hpp"

#include <algorithm>
#include <variant>

namespace collapscope {

namespace {

template <class Named>
std::string key_of(const Named& checkpoint) {
  if (!checkpoint.run.empty()) {
    return "run " + checkpoint.run + '\0' + split_of(checkpoint.attributes);
  }
  return checkpoint.id.empty() ? std::string() : "file " + checkpoint.path;
}

}  // namespace

std::string split_of(const std::vector<std::pair<std::string, AttributeValue>>& attributes) {
  const auto found = std::ranges::find(
      attributes, "split", [](const auto& pair) -> auto& { return pair.first; });
  const auto* text = found == attributes.end() ? nullptr : std::get_if<std::string>(&found->second);
  return text == nullptr ? std::string() : *text;
}

std::string run_key(const CheckpointIndex& checkpoint) { return key_of(checkpoint); }
std::string run_key(const CheckpointResult& checkpoint) { return key_of(checkpoint); }

}  // namespace collapscope
