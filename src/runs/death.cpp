// Whether a run died, and when.
#include "runs/death.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "results/run_key.hpp"

namespace collapscope {
namespace {

constexpr std::string_view not_finite = "NaN or Inf";
constexpr std::string_view not_varying = "the last layer's features do not vary";

// What is seen at a step of a run.
struct Moment {
  std::vector<std::size_t> checkpoints;  // positions in the run
  bool layers_end = false;               // in NaN or Inf: the last one, or all of them
  bool model_ends = false;               // the predictions do
};

bool varies(const LayerResult& layer) {
  if (const std::optional<double> variance = layer.metrics.number("total_variance")) return *variance > 0;
  return std::ranges::none_of(layer.metrics.all(),
                              [](const Metric& metric) { return metric.note == "zero variance"; });
}

// Its name, measured or not.
std::string_view deepest_layer(const CheckpointResult& checkpoint) {
  if (const LayerResult* last = checkpoint.last_layer()) return last->name;
  if (checkpoint.failed_layers.empty()) return {};
  return checkpoint.failed_layers.back().name;
}

bool is_of_layer(const Failure& failure, std::string_view layer) {
  return failure.object.find("/layers/" + std::string(layer) + "/") != std::string::npos;
}

// NaN and Inf of other layers than the deepest may be meant: a mask of an attention, for instance.
void note(Moment& moment, const Failure& failure, std::string_view deepest) {
  if (moment.checkpoints.empty() || is_of_layer(failure, deepest)) {
    moment.layers_end = true;
  } else if (failure.object.ends_with("/predictions")) {
    moment.model_ends = true;
  }
}

}  // namespace

RunFailures::RunFailures(const Results& results) {
  for (const Failure& failure : results.failures) {
    if (!failure.run.empty()) failures_[{failure.run, failure.split}].push_back(&failure);
  }
  for (const CheckpointResult& checkpoint : results.checkpoints) {
    if (split_of(checkpoint.attributes).empty()) without_split_.insert(checkpoint.run);
  }
}

std::vector<const Failure*> RunFailures::of(const CheckpointResult& checkpoint) const {
  std::vector<const Failure*> all;
  const auto add = [&](const std::string& split) {
    if (const auto found = failures_.find({checkpoint.run, split}); found != failures_.end()) {
      all.insert(all.end(), found->second.begin(), found->second.end());
    }
  };
  const std::string split = split_of(checkpoint.attributes);
  add(split);
  if (!split.empty() && !without_split_.contains(checkpoint.run)) add("");
  return all;
}

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
    if (deepest.empty()) deepest = deepest_layer(checkpoint);
  }
  for (const Failure* failure : failures) {
    if (failure->message.find(not_finite) != std::string::npos) {
      note(moments[place(failure->step)], *failure, deepest);
    }
  }
  std::optional<Death> death;
  bool only_the_model = true;
  for (const auto& moment : moments) {
    const double step = moment.first;
    const Moment& seen = moment.second;
    const bool flat = std::ranges::any_of(seen.checkpoints, [&](std::size_t i) {
      const CheckpointResult& checkpoint = results.checkpoints[run.checkpoints[i]];
      return checkpoint.last_layer() != nullptr && !varies(*checkpoint.last_layer());
    });
    if (!seen.layers_end && !seen.model_ends && !flat) break;
    only_the_model = only_the_model && !seen.layers_end && !flat;
    death = Death{0, std::isinf(step) ? std::nullopt : std::optional(step),
                  std::string(flat ? not_varying : not_finite)};
    death->alive = static_cast<std::size_t>(std::ranges::count_if(
        run.checkpoints, [&](std::size_t i) { return place(results.checkpoints[i].step) < step; }));
  }
  // Logits that are Inf from the beginning are meant, too: classes that a mask leaves out.
  return only_the_model && death && death->alive == 0 ? std::nullopt : death;
}

std::vector<std::string> runs_never_alive(const Results& results) {
  std::set<std::pair<std::string, std::string>> alive;
  std::set<std::string> names_alive;
  for (const CheckpointResult& checkpoint : results.checkpoints) {
    alive.emplace(checkpoint.run, split_of(checkpoint.attributes));
    names_alive.insert(checkpoint.run);
  }
  std::map<std::string, std::set<std::string>> dead;  // splits of each name
  for (const Failure& failure : results.failures) {
    if (failure.run.empty() || failure.message.find(not_finite) == std::string::npos) continue;
    const bool lives = failure.split.empty() ? names_alive.contains(failure.run)
                                             : alive.contains({failure.run, failure.split});
    if (!lives) dead[failure.run].insert(failure.split);
  }
  std::vector<std::string> names;
  for (const auto& run : dead) {
    const bool several = run.second.size() > 1 || names_alive.contains(run.first);
    for (const std::string& split : run.second) {
      names.push_back(several && !split.empty() ? run.first + " (" + split + ")" : run.first);
    }
  }
  return names;
}

}  // namespace collapscope
