#include "events.hpp"

#include <map>
#include <memory>

#include "ledger.hpp"
#include "runtime.hpp"

namespace fake_cuda {

namespace {

struct Book {
  std::map<cudaEvent_t, std::unique_ptr<Event>> open;
  std::vector<std::unique_ptr<Event>> closed;  // kept, so that no address comes twice
};

Book& book() {
  static auto& instance = *new Book;
  return instance;
}

}  // namespace

cudaEvent_t open_event(bool timing) {
  auto event = std::make_unique<Event>();
  event->device = current_device();
  event->timing = timing;
  const auto handle = reinterpret_cast<cudaEvent_t>(event.get());
  book().open[handle] = std::move(event);
  return handle;
}

bool close_event(cudaEvent_t handle) {
  const auto found = book().open.find(handle);
  if (found == book().open.end()) {
    violation("cudaEventDestroy of something that is no event, or no longer");
    return false;
  }
  expect_current("cudaEventDestroy", "event", found->second->device);
  found->second->record = nullptr;
  book().closed.push_back(std::move(found->second));
  book().open.erase(found);
  return true;
}

Event* find_event(cudaEvent_t handle, const char* call) {
  const auto found = book().open.find(handle);
  if (found == book().open.end()) {
    violation("%s of something that is no event, or no longer", call);
    return nullptr;
  }
  return found->second.get();
}

std::vector<std::string> open_events() {
  std::vector<std::string> lines;
  for (const auto& [handle, event] : book().open) {
    lines.push_back("event of device " + std::to_string(event->device));
  }
  return lines;
}

void forget_events() { book() = {}; }

}  // namespace fake_cuda
