#include "collapscope/core/number_memory.hpp"

#include <sys/mman.h>

#include <new>

namespace collapscope {

namespace {

constexpr std::size_t cache_line = 64;
constexpr std::size_t huge_page = std::size_t{2} << 20U;

std::align_val_t alignment_for(std::size_t bytes) {
  return std::align_val_t{bytes < 2 * huge_page ? cache_line : huge_page};
}

}  // namespace

void* allocate_numbers(std::size_t bytes) {
  const std::align_val_t alignment = alignment_for(bytes);
  void* const memory = ::operator new(bytes, alignment);
  if (alignment == std::align_val_t{huge_page}) {
    (void)madvise(memory, bytes / huge_page * huge_page, MADV_HUGEPAGE);  // a wish: without it all works
  }
  return memory;
}

void free_numbers(void* memory, std::size_t bytes) noexcept {
  ::operator delete(memory, alignment_for(bytes));
}

}  // namespace collapscope
