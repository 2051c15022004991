#include "watch.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <string>

#include "arena.hpp"
#include "ledger.hpp"
#include "memory.hpp"
#include "runtime.hpp"
#include "streams.hpp"

namespace fake_cuda {

namespace {

// Copies to and from pinned memory that the host has not waited for.
struct Pending {
  Touch touch;
  std::string what;
  Clock clock;
  std::size_t stream;
};

struct Book {
  bool watching = false;
  std::map<std::byte*, bool> pages;  // touched while watching; whether written
  std::vector<Pending> pending;
};

Book& book() {
  static auto& instance = *new Book;
  return instance;
}

void protect(std::byte* begin, const std::byte* end, int protection) {
  if (begin < end) {
    static_cast<void>(::mprotect(begin, static_cast<std::size_t>(end - begin), protection));
  }
}

// The pages that lie within.
void protect_within(const Touch& touch, int protection) {
  protect(page_of(touch.begin + page - 1), page_of(touch.end), protection);
}

bool overlap(const Touch& a, const Touch& b) { return a.begin < b.end && b.begin < a.end; }

void close(const Touch& touch) { protect_within(touch, touch.writes ? PROT_NONE : PROT_READ); }

void close_what_overlaps(const Touch& touch) {
  const auto around = Touch{page_of(touch.begin), page_of(touch.end) + page, false};
  for (const bool writes : {false, true}) {  // the stricter protection last
    for (const Pending& p : book().pending) {
      if (p.touch.writes == writes && overlap(p.touch, around)) {
        close(p.touch);
      }
    }
  }
}

template <class Predicate>
void reopen(const Predicate& is_over) {
  std::vector<Pending>& pending = book().pending;
  const auto rest =
      std::stable_partition(pending.begin(), pending.end(), [&](const Pending& p) { return !is_over(p); });
  const std::vector<Pending> over(rest, pending.end());
  pending.erase(rest, pending.end());
  for (const Pending& p : over) {
    protect_within(p.touch, PROT_READ | PROT_WRITE);
  }
  for (const Pending& p : over) {
    close_what_overlaps(p.touch);
  }
}

// Neighbouring pages of one kind as one touch, without what is beside the allocation.
std::vector<Touch> merged(const std::map<std::byte*, bool>& pages) {
  std::vector<Touch> touches;
  for (const auto& [begin, writes] : pages) {
    if (!touches.empty() && touches.back().end == begin && touches.back().writes == writes) {
      touches.back().end = begin + page;
    } else {
      touches.push_back({begin, begin + page, writes, false});
    }
  }
  for (Touch& touch : touches) {
    if (const Allocation* a = mapped_around(touch.begin)) {
      touch.begin = std::max<const std::byte*>(touch.begin, a->begin);
      touch.end = std::min<const std::byte*>(touch.end, a->begin + a->size);
    }
  }
  return touches;
}

}  // namespace

std::vector<Touch> watch(const std::function<void()>& work) {
  Book& b = book();
  b.pages.clear();
  b.watching = true;
  work();
  b.watching = false;
  close_device_memory();
  return merged(b.pages);
}

void close_host_memory(const Item& item) {
  for (const Touch& touch : item.touches) {
    const Allocation* a = allocation_of(touch.begin);
    if (a != nullptr && a->device == pinned) {
      book().pending.push_back(
          {touch, item.what + " in " + name_of(*item.stream), item.clock, item.stream_index});
      close_what_overlaps(touch);
    }
  }
}

void reopen_host_memory() {
  reopen([](const Pending& p) { return has_host_waited_for(p.clock, p.stream); });
}

void reopen_all_host_memory() {
  reopen([](const Pending&) { return true; });
}

HostMemoryOpen::HostMemoryOpen(const std::vector<Touch>& touches) : touches_(touches) {
  for (const Touch& touch : touches_) {
    if (const Allocation* a = allocation_of(touch.begin); a != nullptr && a->device == pinned) {
      protect(page_of(touch.begin), page_of(touch.end + page - 1), PROT_READ | PROT_WRITE);
    }
  }
}

HostMemoryOpen::~HostMemoryOpen() {
  for (const Touch& touch : touches_) {
    if (const Allocation* a = allocation_of(touch.begin); a != nullptr && a->device == pinned) {
      close_what_overlaps(touch);
    }
  }
}

bool note_fault(std::byte* address, bool writes) {
  const std::lock_guard lock(mutex());
  const Allocation* a = mapped_around(address);
  if (a == nullptr) {
    return false;
  }
  std::byte* const begin = page_of(address);
  Book& b = book();
  if (a->device != pinned) {
    if (!b.watching) {
      return false;
    }
    b.pages[begin] |= writes;
    protect(begin, begin + page, writes ? PROT_READ | PROT_WRITE : PROT_READ);
    return true;
  }
  for (const Pending& p : b.pending) {
    if (!b.watching && p.touch.begin <= address && address < p.touch.end && (writes || p.touch.writes)) {
      violation("race: the host %s what %s %s: %s", writes ? "writes" : "reads", p.what.c_str(),
                p.touch.writes ? "writes" : "reads", describe_address(address).c_str());
    }
  }
  protect(begin, begin + page, PROT_READ | PROT_WRITE);
  return true;
}

}  // namespace fake_cuda
