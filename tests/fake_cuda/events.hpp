#pragma once

#include <cuda_runtime_api.h>

#include <string>
#include <vector>

#include "streams.hpp"

namespace fake_cuda {

struct Event {
  int device = 0;
  bool timing = true;
  ItemPtr record;  // the latest; null: never recorded
};

cudaEvent_t open_event(bool timing);
bool close_event(cudaEvent_t handle);
// Null: not an event, and reported.
Event* find_event(cudaEvent_t handle, const char* call);

std::vector<std::string> open_events();
void forget_events();

}  // namespace fake_cuda
