#include "core/fill.hpp"

#include <algorithm>

namespace collapscope {

std::string fill(std::string_view pattern, std::string_view slot, std::string_view value) {
  std::string filled;
  while (!pattern.empty()) {
    const std::size_t at = std::min(pattern.find(slot), pattern.size());
    filled += pattern.substr(0, at);
    pattern.remove_prefix(at);
    if (!pattern.empty()) {
      filled += value;
      pattern.remove_prefix(slot.size());
    }
  }
  return filled;
}

}  // namespace collapscope
