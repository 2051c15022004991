// Names of numbers over depth: METRIC_depth_PART.
#pragma once

#include <string>
#include <string_view>

namespace collapscope {

inline constexpr std::string_view depth_infix = "_depth_";

struct DepthName {
  std::string metric;
  std::string part;
};

inline DepthName split_depth_name(std::string_view name) {
  const std::size_t at = name.rfind(depth_infix);
  return at == std::string_view::npos
             ? DepthName{std::string(name), ""}
             : DepthName{std::string(name.substr(0, at)), std::string(name.substr(at + depth_infix.size()))};
}

inline std::string depth_name(std::string_view metric, std::string_view part) {
  return std::string(metric).append(depth_infix).append(part);
}

}  // namespace collapscope
