#include "bench/timing.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace collapscope::bench {

double quantile(std::span<const double> ascending, double p) {
  const double at = p * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(at));
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  return std::lerp(ascending[below], ascending[above], at - std::floor(at));
}

Timing timing_of(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  return {seconds.size(),          quantile(seconds, 0.5), quantile(seconds, 0.25),
          quantile(seconds, 0.75), seconds.front(),        seconds.back()};
}

Timing measure(const Stage& stage, std::size_t repeat, double seconds) {
  double spent = stage.run();
  std::vector<double> times;
  do {
    times.push_back(stage.run());
    spent += times.back();
  } while (times.size() < repeat && spent < seconds);
  return timing_of(std::move(times));
}

StageResult stage_result(const Stage& stage, const Timing& time, const StageResult* ceiling) {
  StageResult result;
  result.name = stage.name;
  result.detail = stage.detail;
  result.bytes = stage.bytes;
  result.flops = stage.flops;
  result.time = time;
  result.counts_flops = ceiling != nullptr ? ceiling->counts_flops : stage.flops > 0;
  if (ceiling != nullptr) {
    result.ceiling = ceiling->name;
    result.ceiling_rate = ceiling->rate();
  }
  return result;
}

}  // namespace collapscope::bench
