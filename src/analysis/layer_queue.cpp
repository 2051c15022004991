#include "analysis/layer_queue.hpp"

#include <algorithm>

#include "core/workers.hpp"
#include "linalg/blas.hpp"

namespace collapscope {

namespace {

void use_fallback(Desk& desk) {
  if (Backend* const fallback = desk.backend->fallback()) {
    desk.backend = fallback;
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
      if (part_failed_.exchange(false)) {
        use_fallback(whole_);
      }
      begin->run(whole_);
      ++begin;
    }
  }
}

void LayerQueue::run_beside(Place begin, Place end) {
  const linalg::SingleThread each_part_alone;
  const Team team(parts_.size());
  team.run(static_cast<std::size_t>(end - begin), [&](std::size_t task, std::size_t slot) {
    begin[static_cast<std::ptrdiff_t>(task)].run(parts_[slot]);
  });
}

void LayerQueue::give_up(Desk& desk) {
  if (&desk != &whole_) {
    use_fallback(desk);
    part_failed_ = true;
    return;
  }
  use_fallback(whole_);
  std::for_each(parts_.begin(), parts_.end(), use_fallback);  // their devices are the whole's
}

}  // namespace collapscope
