#include "collapscope/core/number_memory.hpp"

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

namespace collapscope {

namespace {

constexpr std::size_t cache_line = 64;
constexpr std::size_t huge_page = std::size_t{2} << 20U;

bool is_large(std::size_t bytes) { return bytes >= 2 * huge_page; }

}  // namespace

// Aligned memory that glibc before 2.38 cuts out of a larger block leaves slivers on both sides. They keep
// the block from being used again: thousands of small layers took gigabytes. So a small one has room to be
// moved to a cache line here, and what the system gave lies before it.
void* allocate_numbers(std::size_t bytes) {
  if (is_large(bytes)) {
    void* const memory = ::operator new (bytes, std::align_val_t{huge_page});
    (void)madvise(memory, bytes / huge_page * huge_page, MADV_HUGEPAGE);  // a wish: without it all works
    return memory;
  }
  constexpr std::size_t room = cache_line + sizeof(void*);
  auto* const given = static_cast<std::byte*>(::operator new(bytes + room));
  const std::size_t behind = (reinterpret_cast<std::uintptr_t>(given) + sizeof(void*)) % cache_line;
  std::byte* const memory = given + sizeof(void*) + (behind == 0 ? 0 : cache_line - behind);
  std::memcpy(memory - sizeof(void*), &given, sizeof(void*));
  return memory;
}

void free_numbers(void* memory, std::size_t bytes) noexcept {
  if (is_large(bytes)) {
    ::operator delete (memory, std::align_val_t{huge_page});
    return;
  }
  void* given = nullptr;
  std::memcpy(&given, static_cast<std::byte*>(memory) - sizeof(void*), sizeof(void*));
  ::operator delete(given);
}

}  // namespace collapscope
