#include "backend/crew.hpp"

namespace collapscope {

void Worker::give_up(const std::string& reason) {
  if (Backend* const fallback = backend->fallback()) {
    lost = reason;
    backend = fallback;
    turns = nullptr;
  }
}

void Worker::use_what_works() {
  while (!backend->works() && backend->fallback() != nullptr) {
    give_up(backend->loss());
  }
}

Crew::Crew(std::span<Backend* const> workers, std::uint64_t memory) {
  for (Backend* const worker : workers) {
    workers_.push_back({worker, memory / workers.size(), workers.size() == 1});
  }
}

Crew Crew::in_turns(std::span<Backend* const> workers, std::uint64_t memory) {
  Crew crew(workers, memory);
  crew.turns_ = std::make_unique<Turns>();
  for (Worker& worker : crew.workers_) {
    worker.turns = crew.turns_.get();
  }
  return crew;
}

}  // namespace collapscope
