#include "cuda/locked_memory.hpp"

#include <sys/mman.h>

#include <cstdint>

#include "cuda/call.hpp"

namespace collapscope::cuda {

namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20U;
constexpr std::size_t least_page = 4096;
constexpr std::size_t least_bytes = 2 * huge_page;

std::size_t in_huge_pages(std::size_t bytes) { return (bytes + huge_page - 1) / huge_page * huge_page; }

// Pages that nobody has touched, from a huge one's begin on; null: there are none.
std::byte* map_pages(std::size_t bytes) {
  void* const mapped =
      ::mmap(nullptr, bytes + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    return nullptr;
  }
  auto* const first = static_cast<std::byte*>(mapped);
  const std::size_t before =
      in_huge_pages(reinterpret_cast<std::uintptr_t>(mapped)) - reinterpret_cast<std::uintptr_t>(mapped);
  if (before > 0) {
    (void)::munmap(first, before);
  }
  if (before < huge_page) {
    (void)::munmap(first + before + bytes, huge_page - before);
  }
  return first + before;
}

void touch(std::byte* pages, std::size_t bytes, const Sharing& sharing) {
  const auto take = [pages](std::size_t number) {
    for (std::size_t at = 0; at < huge_page; at += least_page) {
      pages[number * huge_page + at] = std::byte{0};
    }
  };
  if (sharing) {
    sharing(bytes / huge_page, take);
    return;
  }
  for (std::size_t number = 0; number < bytes / huge_page; ++number) {
    take(number);
  }
}

}  // namespace

cudaError_t lock_memory(void** memory, std::size_t bytes, const Sharing& sharing) {
  if (bytes < least_bytes) {
    return Call("cudaMallocHost").answer(cudaMallocHost(memory, bytes));
  }
  const std::size_t whole = in_huge_pages(bytes);
  std::byte* const pages = map_pages(whole);
  if (pages == nullptr) {
    return cudaErrorMemoryAllocation;
  }
  (void)::madvise(pages, whole, MADV_HUGEPAGE);  // wishes: without them all works
  (void)::madvise(pages, whole, MADV_DONTFORK);
  touch(pages, whole, sharing);
  const cudaError_t answer =
      Call("cudaHostRegister").answer(cudaHostRegister(pages, whole, cudaHostRegisterPortable));
  if (answer != cudaSuccess) {
    (void)::munmap(pages, whole);
    return answer;
  }
  *memory = pages;
  return cudaSuccess;
}

void unlock_memory(void* memory, std::size_t bytes) noexcept {
  if (bytes < least_bytes) {
    Call("cudaFreeHost").ignore(cudaFreeHost(memory));
    return;
  }
  if (Call("cudaHostUnregister").answer(cudaHostUnregister(memory)) == cudaSuccess) {
    (void)::munmap(memory, in_huge_pages(bytes));  // else the device may still write there
  }
}

}  // namespace collapscope::cuda
