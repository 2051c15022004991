#include "memory.hpp"

#include <algorithm>
#include <cstdint>
#include <map>

#include "arena.hpp"
#include "faults.hpp"
#include "ledger.hpp"
#include "options.hpp"
#include "races.hpp"

namespace fake_cuda {

namespace {

constexpr std::size_t alignment = 256;
constexpr std::size_t reserved = std::size_t{8} << 40;
constexpr std::byte fresh{0xFF};

Arena& device_arena() {
  static auto& instance = *new Arena(reserved);
  return instance;
}

Arena& pinned_arena() {
  static Arena& instance = [&]() -> Arena& {
    auto& arena = *new Arena(reserved);
    arena.open();
    return arena;
  }();
  return instance;
}

Arena& arena_of(int device) { return device == pinned ? pinned_arena() : device_arena(); }

struct Book {
  std::map<const std::byte*, Allocation> live;   // by begin
  std::map<const std::byte*, Allocation> freed;  // by begin
  std::map<int, std::size_t> used;               // by device
  std::size_t peak = 0;                          // of one device
  long allocations = 0;
};

Book& book() {
  static auto& instance = *new Book;
  return instance;
}

const Allocation* around(const std::map<const std::byte*, Allocation>& allocations, const void* address) {
  const auto* at = static_cast<const std::byte*>(address);
  auto next = allocations.upper_bound(at);
  if (next == allocations.begin()) {
    return nullptr;
  }
  const Allocation& found = std::prev(next)->second;
  return at < found.begin + std::max<std::size_t>(found.size, 1) ? &found : nullptr;
}

std::string text(const Allocation& a) {
  const std::string where = a.device == pinned ? "pinned" : "device " + std::to_string(a.device);
  return where + " allocation " + std::to_string(a.id) + " of " + std::to_string(a.size) + " bytes";
}

bool is_fresh(const std::byte* begin, const std::byte* end) {
  return std::all_of(begin, end, [](std::byte b) { return b == fresh; });
}

// Of what is about to be freed.
void check_canary(const Allocation& a) {
  arena_of(a.device).open(a.pages, a.mapped);
  if (!is_fresh(a.pages, a.begin) || !is_fresh(a.begin + a.size, a.pages + a.mapped)) {
    violation("write beside %s", text(a).c_str());
  }
}

int& open_depth() {
  static int depth = 0;
  return depth;
}

}  // namespace

void* allocate(std::size_t size, int device) {
  watch_faults();
  Book& b = book();
  const std::size_t rounded = std::max<std::size_t>((size + alignment - 1) / alignment, 1) * alignment;
  if (device != pinned) {
    const std::size_t used = b.used[device] + options().memory_in_use;
    if (used > options().memory || rounded < size || rounded > options().memory - used) {
      return nullptr;
    }
    b.used[device] += rounded;
    b.peak = std::max(b.peak, b.used[device]);
  }
  Allocation a;
  a.mapped = (rounded + page - 1) / page * page;
  a.pages = arena_of(device).take(a.mapped);
  a.begin = a.pages + (a.mapped - rounded);
  a.size = size;
  a.device = device;
  a.id = ++b.allocations;
  b.live[a.begin] = a;
  return a.begin;
}

bool release(const void* begin, bool device_memory) {
  Book& b = book();
  const auto found = b.live.find(static_cast<const std::byte*>(begin));
  if (found == b.live.end() || found->second.is_registered ||
      (found->second.device != pinned) != device_memory) {
    violation("free of %s", describe_address(begin).c_str());
    return false;
  }
  const Allocation a = found->second;
  check_canary(a);
  forget_touches(a.id);
  arena_of(a.device).retire(a.pages, a.mapped);
  if (device_memory) {
    b.used[a.device] -= (a.size + alignment - 1) / alignment * alignment;
  }
  b.freed.insert(b.live.extract(found));
  return true;
}

bool register_memory(void* begin, std::size_t size) {
  Book& b = book();
  auto* const first = static_cast<std::byte*>(begin);
  const auto next = b.live.lower_bound(first);
  if (allocation_of(begin) != nullptr || (next != b.live.end() && next->first < first + size)) {
    return false;
  }
  Allocation a;
  a.begin = first;
  a.size = size;
  a.pages = page_of(first);
  a.mapped = static_cast<std::size_t>(page_of(first + size + page - 1) - a.pages);
  a.id = ++b.allocations;
  a.is_registered = true;
  b.live[first] = a;
  return true;
}

bool unregister_memory(const void* begin) {
  Book& b = book();
  const auto found = b.live.find(static_cast<const std::byte*>(begin));
  if (found == b.live.end() || !found->second.is_registered) {
    return false;
  }
  forget_touches(found->second.id);
  b.live.erase(found);
  return true;
}

bool LazyKernels::load(int device) {
  if (memory_ == nullptr && options().lazy_loading > 0) {
    memory_ = allocate(options().lazy_loading, device);
    return memory_ != nullptr;
  }
  return true;
}

void LazyKernels::unload() {
  if (memory_ != nullptr) {
    release(memory_, true);
    memory_ = nullptr;
  }
}

const Allocation* allocation_of(const void* address) { return around(book().live, address); }

const Allocation* mapped_around(const void* address) {
  const auto* at = static_cast<const std::byte*>(address);
  auto next = book().live.upper_bound(at + page);
  for (int tries = 0; tries < 2 && next != book().live.begin(); ++tries) {
    const Allocation& found = (--next)->second;
    if (found.pages <= at && at < found.pages + found.mapped) {
      return &found;
    }
  }
  return nullptr;
}

bool is_freed(const void* address) { return around(book().freed, address) != nullptr; }

bool is_fake_address(const void* address) {
  return device_arena().contains(address) || pinned_arena().contains(address);
}

std::string describe_address(const void* address) {
  char number[32];
  static_cast<void>(std::snprintf(number, sizeof number, "%p", address));
  const auto offset = [&](const Allocation& a) {
    return "byte " + std::to_string(static_cast<const std::byte*>(address) - a.begin) + " of " + text(a);
  };
  if (const Allocation* live = allocation_of(address)) {
    return offset(*live);
  }
  if (const Allocation* freed = around(book().freed, address)) {
    return "freed memory, " + offset(*freed);
  }
  if (is_fake_address(address)) {
    auto next = book().live.upper_bound(static_cast<const std::byte*>(address));
    return std::string(number) + (next == book().live.begin() ? ", beside all allocations"
                                                              : ", beyond " + text(std::prev(next)->second));
  }
  return std::string(number) + ", ordinary host memory";
}

bool is_device_range(const void* address, std::size_t bytes, int device, const char* call,
                     const char* argument) {
  const Allocation* a = allocation_of(address);
  const auto* at = static_cast<const std::byte*>(address);
  if (a != nullptr && a->device == device && bytes <= a->size - static_cast<std::size_t>(at - a->begin)) {
    return true;
  }
  violation("%s: %s, %zu bytes, is not memory of device %d: %s", call, argument, bytes, device,
            describe_address(address).c_str());
  return false;
}

void close_device_memory() { device_arena().close(); }

std::size_t used_bytes(int device) { return book().used[device]; }

std::size_t peak_device_bytes() { return book().peak; }

std::vector<std::string> open_allocations() {
  std::vector<std::string> lines;
  for (const auto& [begin, a] : book().live) {
    lines.push_back(text(a));
  }
  return lines;
}

void forget_allocations() {
  device_arena().restart();
  pinned_arena().restart();
  book() = {};
}

DeviceAtWork::DeviceAtWork() {
  if (open_depth()++ == 0) {
    device_arena().open();
  }
}

DeviceAtWork::~DeviceAtWork() {
  if (--open_depth() == 0 && options().protect) {
    device_arena().close();
  }
}

}  // namespace fake_cuda
