#include "analysis/layer_queue.hpp"

#include <algorithm>

#include "backend/crew.hpp"

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
    const auto workers = whole.layer_workers(most);
    for (Backend* worker : workers) {
      workers_.push_back({worker, memory / workers.size()});
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
  std::vector<Backend*> backends;
  for (const Desk& desk : workers_) {
    backends.push_back(desk.backend);
  }
  Crew(backends).run(static_cast<std::size_t>(end - begin), [&](std::size_t task, std::size_t worker) {
    use_what_works(workers_[worker]);
    begin[static_cast<std::ptrdiff_t>(task)].run(workers_[worker]);
  });
}

void LayerQueue::give_up(Desk& desk, const std::string& reason) {
  if (Backend* const fallback = desk.backend->fallback()) {
    desk.lost = reason;
    desk.backend = fallback;
  }
}

}  // namespace collapscope
