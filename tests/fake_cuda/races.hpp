// FAKE_CUDA_RACES=1: two accesses of the same bytes, one of them a write, must be ordered by streams, events
// and waits. Vector clocks tell, whatever order the schedule happens to choose. What kernels and libraries
// touch is found by the page, see watch.hpp; what copies and fills touch is known.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace fake_cuda {

struct Item;

struct Touch {
  const std::byte* begin = nullptr;
  const std::byte* end = nullptr;
  bool writes = false;
  bool exact = true;  // else: something in every page
};

// By stream: how many of its items come before, or are this one.
using Clock = std::vector<long>;

// At the enqueueing, when everything that the item waits for is known.
void set_clock(Item& item, const Item* before_in_stream, std::size_t stream);
// When the host has waited for the item.
void host_waited_for(const Item& item);
bool has_host_waited_for(const Clock& clock, std::size_t stream);

// When the item has been done.
void check_touches(const Item& item, const std::vector<Touch>& touches);
void forget_touches(long allocation);
void forget_races();

}  // namespace fake_cuda
