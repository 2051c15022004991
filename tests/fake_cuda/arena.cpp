#include "arena.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace fake_cuda {

namespace {

constexpr std::size_t pattern_bytes = std::size_t{4} << 20;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::abort();
}

// A file without content: its pages fault whatever their protection, hence survive open() as guards.
int hole_file() {
  static const int file = ::memfd_create("fake_cuda_hole", MFD_CLOEXEC);
  if (file < 0) {
    give_up("fake CUDA: memfd_create");
  }
  return file;
}

// A file of 0xFF: fresh memory maps it, and costs nothing before it is written.
int pattern_file() {
  static const int file = [] {
    const int fresh = ::memfd_create("fake_cuda_fresh", MFD_CLOEXEC);
    if (fresh < 0 || ::ftruncate(fresh, pattern_bytes) != 0) {
      give_up("fake CUDA: memfd_create");
    }
    void* bytes = ::mmap(nullptr, pattern_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fresh, 0);
    if (bytes == MAP_FAILED) {
      give_up("fake CUDA: mmap");
    }
    std::memset(bytes, 0xFF, pattern_bytes);
    ::munmap(bytes, pattern_bytes);
    return fresh;
  }();
  return file;
}

// Pages that cannot be accessed, anywhere or instead of those at `at`.
std::byte* reserve(std::byte* at, std::size_t bytes) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at == nullptr ? 0 : MAP_FIXED);
  void* pages = ::mmap(at, bytes, PROT_NONE, flags, -1, 0);
  if (pages == MAP_FAILED) {
    give_up("fake CUDA: mmap");
  }
  return static_cast<std::byte*>(pages);
}

}  // namespace

Arena::Arena(std::size_t reserved) {
  first_ = base_ = top_ = reserve(nullptr, reserved);
  end_ = base_ + reserved;
  map_hole(top_, page);
  top_ += page;
}

// The offset follows the address, so that neighbouring holes are one mapping to the system.
void Arena::map_hole(std::byte* at, std::size_t bytes) {
  if (::mmap(at, bytes, PROT_NONE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, hole_file(), at - base_) ==
          MAP_FAILED ||
      (open_ && ::mprotect(at, bytes, PROT_READ | PROT_WRITE) != 0)) {
    give_up("fake CUDA: mmap");
  }
}

std::byte* Arena::take(std::size_t bytes) {
  if (bytes + page > static_cast<std::size_t>(end_ - top_)) {
    std::fprintf(stderr, "fake CUDA: out of addresses\n");
    std::abort();
  }
  std::byte* const pages = top_;
  const int protection = open_ ? PROT_READ | PROT_WRITE : PROT_NONE;
  for (std::size_t done = 0; done < bytes; done += pattern_bytes) {
    const std::size_t part = std::min(pattern_bytes, bytes - done);
    if (::mmap(pages + done, part, protection, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, pattern_file(), 0) ==
        MAP_FAILED) {
      give_up("fake CUDA: mmap");
    }
  }
  map_hole(pages + bytes, page);
  top_ += bytes + page;
  return pages;
}

void Arena::retire(std::byte* pages, std::size_t bytes) { map_hole(pages, bytes); }

// One mapping, that neither open() nor close() will walk through: else a process of many tests gets slower
// with each of them.
void Arena::restart() {
  if (base_ < top_) {
    reserve(base_, static_cast<std::size_t>(top_ - base_));
    base_ = top_;
  }
}

void Arena::open() {
  if (!open_ && ::mprotect(base_, static_cast<std::size_t>(top_ - base_), PROT_READ | PROT_WRITE) != 0) {
    give_up("fake CUDA: mprotect");
  }
  open_ = true;
}

void Arena::open(std::byte* pages, std::size_t bytes) {
  if (!open_ && ::mprotect(pages, bytes, PROT_READ | PROT_WRITE) != 0) {
    give_up("fake CUDA: mprotect");
  }
}

void Arena::close() {
  if (::mprotect(base_, static_cast<std::size_t>(top_ - base_), PROT_NONE) != 0) {
    give_up("fake CUDA: mprotect");
  }
  open_ = false;
}

bool Arena::contains(const void* address) const { return address >= first_ && address < top_; }

}  // namespace fake_cuda
