#include "analysis/schedule.hpp"

#include <algorithm>

namespace collapscope {

namespace {

using Place = std::vector<Step>::iterator;

constexpr std::size_t least_layers_of_worker = 2;
// In turns: what a second worker takes to start is little beside what two of them gain.
constexpr std::size_t least_layers_in_turns = 3;

bool suits(const Paces& paces, Pace pace) {
  return pace == Pace::alone || (pace == Pace::beside ? paces.beside : paces.in_turns);
}

// Whether the layer does, or all layers of the checkpoint whose targets it is.
bool suits(const PacesOfLayers& paces, const Step& step, Pace pace) {
  const std::vector<Paces>& layers = paces[step.checkpoint];
  return step.layer ? suits(layers[*step.layer], pace)
                    : std::all_of(layers.begin(), layers.end(),
                                  [pace](const Paces& layer) { return suits(layer, pace); });
}

std::vector<Step> one_after_another(const PacesOfLayers& paces) {
  std::vector<Step> steps;
  for (std::size_t checkpoint = 0; checkpoint < paces.size(); ++checkpoint) {
    steps.push_back({checkpoint, std::nullopt});
    for (std::size_t layer = 0; layer < paces[checkpoint].size(); ++layer) {
      steps.push_back({checkpoint, layer});
    }
  }
  return steps;
}

// Where the steps from `begin` on of which `same` is as of the first one end.
template <class Same>
Place end_of_run(Place begin, Place end, const Same& same) {
  return std::find_if(begin, end, [&](const Step& step) { return same(step) != same(*begin); });
}

std::size_t layers_in(Place begin, Place end) {
  return static_cast<std::size_t>(
      std::count_if(begin, end, [](const Step& step) { return step.layer.has_value(); }));
}

// Calls visit(begin, end) for every run of steps that are still alone and suit this pace.
template <class Visit>
void runs_that_suit(std::vector<Step>& steps, const PacesOfLayers& paces, Pace pace, const Visit& visit) {
  const auto suit = [&](const Step& step) { return step.pace == Pace::alone && suits(paces, step, pace); };
  for (Place begin = steps.begin(); begin != steps.end();) {
    const Place end = end_of_run(begin, steps.end(), suit);
    if (suit(*begin)) {
      visit(begin, end);
    }
    begin = end;
  }
}

// Where `least` layers follow one another that suit this pace, they have it.
void choose(std::vector<Step>& steps, const PacesOfLayers& paces, Pace pace, std::size_t least) {
  runs_that_suit(steps, paces, pace, [&](Place begin, Place end) {
    if (layers_in(begin, end) >= least) {
      std::for_each(begin, end, [pace](Step& step) { step.pace = pace; });
    }
  });
}

// Steps [begin, end), with the targets of as many checkpoints ahead as this.
void append_with_targets_ahead(std::vector<Step>& out, Place begin, Place end, std::size_t checkpoints) {
  Place ahead = begin;
  for (Place step = begin; step != end; ++step) {
    for (; ahead != end && ahead->checkpoint <= step->checkpoint + checkpoints; ++ahead) {
      if (!ahead->layer) {
        out.push_back(*ahead);
      }
    }
    if (step->layer) {
      out.push_back(*step);
    }
  }
}

}  // namespace

std::size_t most_workers(const PacesOfLayers& paces, std::size_t least) {
  std::vector<Step> steps = one_after_another(paces);
  std::size_t most = 0;
  runs_that_suit(steps, paces, Pace::beside, [&](Place begin, Place end) {
    most = std::max(most, layers_in(begin, end) / least_layers_of_worker);
  });
  return most < least ? 0 : most;
}

bool has_turns(const std::vector<Step>& steps) {
  return std::any_of(steps.begin(), steps.end(),
                     [](const Step& step) { return step.pace == Pace::in_turns; });
}

std::vector<Step> schedule(const PacesOfLayers& paces, std::size_t workers, std::size_t least) {
  std::vector<Step> steps = one_after_another(paces);
  if (workers > 1) {
    choose(steps, paces, Pace::beside, least_layers_of_worker * least);
  }
  choose(steps, paces, Pace::in_turns, least_layers_in_turns);
  std::vector<Step> out;
  for (Place begin = steps.begin(); begin != steps.end();) {
    const Place end = end_of_run(begin, steps.end(), [](const Step& step) { return step.pace; });
    const std::size_t ahead = begin->pace == Pace::beside ? workers : 1;
    if (begin->pace == Pace::alone) {
      out.insert(out.end(), begin, end);
    } else {
      append_with_targets_ahead(out, begin, end, ahead);
    }
    begin = end;
  }
  return out;
}

}  // namespace collapscope
