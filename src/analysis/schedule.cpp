#include "analysis/schedule.hpp"

#include <algorithm>
#include <iterator>

namespace collapscope {

namespace {

using Place = std::vector<Step>::iterator;

constexpr std::size_t least_layers_of_worker = 2;

std::vector<Step> one_after_another(const std::vector<std::vector<bool>>& suits) {
  std::vector<Step> steps;
  for (std::size_t checkpoint = 0; checkpoint < suits.size(); ++checkpoint) {
    const std::vector<bool>& layers = suits[checkpoint];
    const bool all = std::find(layers.begin(), layers.end(), false) == layers.end();
    steps.push_back({checkpoint, std::nullopt, all});
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
      steps.push_back({checkpoint, layer, layers[layer]});
    }
  }
  return steps;
}

// Steps [begin, end), with the targets of as many checkpoints ahead as there are workers.
void append_with_targets_ahead(std::vector<Step>& out, Place begin, Place end, std::size_t workers) {
  Place ahead = begin;
  for (Place step = begin; step != end; ++step) {
    for (; ahead != end && ahead->checkpoint <= step->checkpoint + workers; ++ahead) {
      if (!ahead->layer) {
        out.push_back(*ahead);
      }
    }
    if (step->layer) {
      out.push_back(*step);
    }
  }
}

// Where the steps from `begin` on that are alike, beside or not, end.
Place end_of_run(Place begin, Place end) {
  return std::find_if(begin, end, [&](const Step& step) { return step.beside != begin->beside; });
}

std::size_t layers_in(Place begin, Place end) {
  return static_cast<std::size_t>(
      std::count_if(begin, end, [](const Step& step) { return step.layer.has_value(); }));
}

}  // namespace

std::size_t most_workers(const std::vector<std::vector<bool>>& suits, std::size_t least) {
  std::vector<Step> steps = one_after_another(suits);
  std::size_t most = 0;
  for (Place begin = steps.begin(); begin != steps.end();) {
    const Place end = end_of_run(begin, steps.end());
    if (begin->beside) {
      most = std::max(most, layers_in(begin, end) / least_layers_of_worker);
    }
    begin = end;
  }
  return most < least ? 0 : most;
}

std::vector<Step> schedule(const std::vector<std::vector<bool>>& suits, std::size_t workers,
                           std::size_t least) {
  std::vector<Step> steps = one_after_another(suits);
  std::vector<Step> out;
  for (Place begin = steps.begin(); begin != steps.end();) {
    const Place end = end_of_run(begin, steps.end());
    if (begin->beside && workers > 1 && layers_in(begin, end) >= least_layers_of_worker * least) {
      append_with_targets_ahead(out, begin, end, workers);
    } else {
      std::transform(begin, end, std::back_inserter(out), [](Step step) {
        step.beside = false;
        return step;
      });
    }
    begin = end;
  }
  return out;
}

}  // namespace collapscope
