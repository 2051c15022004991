#include "analysis/layer_queue.hpp"

#include <algorithm>

#include "core/workers.hpp"
#include "linalg/blas.hpp"

namespace collapscope {

namespace {

void use_what_works(Desk& desk) {
  while (!desk.backend->works() && desk.backend->fallback() != nullptr) {
    desk.lost = desk.backend->loss();
    desk.backend = desk.backend->fallback();
  }
}

}  // namespace

LayerQueue::LayerQueue(Backend& whole, std::uint64_t memory, std::size_t most) : whole_{&whole, memory} {
  if (most > 0) {
    const auto parts = whole.parts(most);
    for (Backend* part : parts) {
      parts_.push_back({part, memory / parts.size()});
    }
  }
}

void LayerQueue::run(const std::vector<LayerTask>& tasks) {
  for (Place begin = tasks.begin(); begin != tasks.end();) {
    if (begin->beside) {
      const Place end = std::find_if(begin, tasks.end(), [](const LayerTask& task) { return !task.beside; });
      run_beside(begin, end);
      begin = end;
    } else {
      use_what_works(whole_);
      begin->run(whole_);
      ++begin;
    }
  }
}

void LayerQueue::run_beside(Place begin, Place end) {
  const linalg::SingleThread each_part_alone;
  const Team team(parts_.size());
  team.run(static_cast<std::size_t>(end - begin), [&](std::size_t task, std::size_t slot) {
    use_what_works(parts_[slot]);
    begin[static_cast<std::ptrdiff_t>(task)].run(parts_[slot]);
  });
}

void LayerQueue::give_up(Desk& desk, const std::string& reason) {
  if (Backend* const fallback = desk.backend->fallback()) {
    desk.lost = reason;
    desk.backend = fallback;
  }
}

}  // namespace collapscope
