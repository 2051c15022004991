// What a helper is at work on, in memory that it shares with the one who waits for it: whether it comes on,
// and what to name when it does not.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace collapscope::process {

struct WorkMark {
  std::atomic<std::uint64_t> steps{0};
  std::atomic<std::uint64_t> allowance{0};  // milliseconds that this step may take beyond the usual
  std::array<char, 1024> file{};            // both end with 0 where they are shorter
  std::array<char, 1024> object{};
};

// From now on at_work() writes here; null, as at first: nowhere.
void use_mark(WorkMark* mark);

// Says that work goes on with this object of this file.
void at_work(std::string_view file, std::string_view object, std::uint64_t allowance = 0);

}  // namespace collapscope::process
