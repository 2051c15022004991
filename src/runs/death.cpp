// Whether a run died, and when.
#include "runs/death.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <string_view>

namespace collapscope {
namespace {

constexpr std::string_view not_finite = "NaN or Inf";
constexpr std::string_view not_varying = "the last layer's features do not vary";

// What is seen at a step of a run.
struct Moment {
  std::vector<std::size_t> checkpoints;  // positions in the run
  bool has_nan = false;
};

bool varies(const LayerResult& layer) {
  if (const std::optional<double> variance = layer.metrics.number("total_variance")) return *variance > 0;
  return std::ranges::none_of(layer.metrics.all(),
                              [](const Metric& metric) { return metric.note == "zero variance"; });
}

// Where a NaN is said to be: in the predictions, or in the run's deepest layer. Those of other layers may be
// meant: a mask of an attention, for instance.
bool is_of_the_end(const Failure& failure, std::string_view deepest) {
  return failure.object.ends_with("/predictions") ||
         failure.object.find("/layers/" + std::string(deepest) + "/") != std::string::npos;
}

}  // namespace

std::optional<Death> death_of(const Results& results, const Run& run,
                              const std::vector<const Failure*>& failures) {
  std::map<double, Moment, std::greater<>> moments;  // the last one first
  const auto place = [](std::optional<double> step) {
    return step.value_or(std::numeric_limits<double>::infinity());
  };
  std::string_view deepest;
  for (std::size_t i = 0; i < run.checkpoints.size(); ++i) {
    const CheckpointResult& checkpoint = results.checkpoints[run.checkpoints[i]];
    moments[place(checkpoint.step)].checkpoints.push_back(i);
    if (deepest.empty() && !checkpoint.layers.empty()) deepest = checkpoint.layers.back().name;
  }
  for (const Failure* failure : failures) {
    if (failure->message.find(not_finite) == std::string::npos) continue;
    if (const auto found = moments.find(place(failure->step));
        found == moments.end() || found->second.checkpoints.empty()) {
      moments[place(failure->step)].has_nan = true;  // nothing is left of the checkpoint
    } else if (is_of_the_end(*failure, deepest)) {
      found->second.has_nan = true;
    }
  }
  std::optional<Death> death;
  for (const auto& moment : moments) {
    const double step = moment.first;
    const Moment& seen = moment.second;
    const bool flat = std::ranges::any_of(seen.checkpoints, [&](std::size_t i) {
      const CheckpointResult& checkpoint = results.checkpoints[run.checkpoints[i]];
      return !checkpoint.layers.empty() && !varies(checkpoint.layers.back());
    });
    if (!seen.has_nan && !flat) break;
    death = Death{0, std::isinf(step) ? std::nullopt : std::optional(step),
                  std::string(seen.has_nan ? not_finite : not_varying)};
    death->alive = static_cast<std::size_t>(std::ranges::count_if(
        run.checkpoints, [&](std::size_t i) { return place(results.checkpoints[i].step) < step; }));
  }
  return death;
}

}  // namespace collapscope
