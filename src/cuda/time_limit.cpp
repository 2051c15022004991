#include "cuda/time_limit.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <cstdlib>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope::cuda {

namespace {

constexpr const char* variable = "COLLAPSCOPE_DEVICE_TIMEOUT";
constexpr double usual_seconds = 300;

std::atomic<bool>& abandoned() {
  static std::atomic<bool> flag = false;
  return flag;
}

}  // namespace

double time_limit() {
  const char* chosen = std::getenv(variable);
  if (chosen == nullptr || *chosen == '\0') {
    return usual_seconds;
  }
  char* end = nullptr;
  const double seconds = std::strtod(chosen, &end);
  if (end == chosen || *end != '\0' || !std::isfinite(seconds) || seconds < 0) {
    throw UsageError(
        fmt::format("{}: found '{}', expected seconds, 0 for no limit", variable, printable(chosen)));
  }
  return seconds;
}

bool is_abandoned() noexcept { return abandoned(); }

void abandon() noexcept { abandoned() = true; }

}  // namespace collapscope::cuda
