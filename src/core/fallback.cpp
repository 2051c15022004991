#include "collapscope/core/fallback.hpp"

#include <algorithm>

namespace collapscope {

void Fallbacks::add(const Fallback& more) {
  const auto same = std::find_if(all.begin(), all.end(), [&](const Fallback& known) {
    return known.work == more.work && known.to == more.to && known.reason == more.reason;
  });
  if (same == all.end()) {
    all.push_back(more);
  } else {
    same->count += more.count;
  }
}

void Fallbacks::add(const Fallbacks& more) {
  for (const Fallback& fallback : more.all) {
    add(fallback);
  }
  rejected_eigenbases += more.rejected_eigenbases;
}

std::uint64_t Fallbacks::count(const std::string& work, const std::string& to) const {
  std::uint64_t sum = 0;
  for (const Fallback& fallback : all) {
    sum += fallback.work == work && fallback.to == to ? fallback.count : 0;
  }
  return sum;
}

}  // namespace collapscope
