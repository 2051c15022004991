// Work that was done elsewhere than on the device that it was meant for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace collapscope {

struct Fallback {
  std::string work;  // "layer", "eigenbasis", "analysis"
  std::string to;    // "cpu", or "gpu": another one
  std::string reason;
  std::uint64_t count = 1;
  bool operator==(const Fallback&) const = default;
};

struct Fallbacks {
  std::vector<Fallback> all;              // what is equal but for the count stands once
  std::uint64_t rejected_eigenbases = 0;  // a GPU gave none, or one that the check refused

  void add(const Fallback& more);
  void add(const Fallbacks& more);
  // How often this kind of work went there.
  [[nodiscard]] std::uint64_t count(const std::string& work, const std::string& to) const;
  bool operator==(const Fallbacks&) const = default;
};

}  // namespace collapscope
