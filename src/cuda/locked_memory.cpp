#include "cuda/locked_memory.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <new>

#include "cuda/call.hpp"

namespace collapscope::cuda {

namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20U;
constexpr std::size_t least_page = 4096;
constexpr std::size_t least_bytes = 2 * huge_page;

std::size_t in_huge_pages(std::size_t bytes) { return (bytes + huge_page - 1) / huge_page * huge_page; }

// Whole huge pages that nobody has touched; `data` is null where there are none.
class Pages {
 public:
  explicit Pages(std::size_t bytes) : bytes_(in_huge_pages(bytes)) {
    void* const mapped =
        ::mmap(nullptr, bytes_ + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) {
      return;
    }
    auto* const first = static_cast<std::byte*>(mapped);
    const auto address = reinterpret_cast<std::uintptr_t>(mapped);
    const std::size_t before = in_huge_pages(address) - address;
    if (before > 0) {
      (void)::munmap(first, before);
    }
    if (before < huge_page) {
      (void)::munmap(first + before + bytes_, huge_page - before);
    }
    data_ = first + before;
    (void)::madvise(data_, bytes_, MADV_HUGEPAGE);  // wishes: without them all works
    (void)::madvise(data_, bytes_, MADV_DONTFORK);
  }
  ~Pages() {
    if (data_ != nullptr) {
      (void)::munmap(data_, bytes_);
    }
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  [[nodiscard]] std::byte* data() const { return data_; }
  void touch(const Sharing& sharing) const {
    const auto take = [this](std::size_t number) {
      for (std::size_t at = 0; at < huge_page; at += least_page) {
        data_[number * huge_page + at] = std::byte{0};
      }
    };
    if (sharing) {
      sharing(bytes_ / huge_page, take);
      return;
    }
    for (std::size_t number = 0; number < bytes_ / huge_page; ++number) {
      take(number);
    }
  }
  // Somebody else unmaps them.
  std::byte* release() {
    std::byte* const data = data_;
    data_ = nullptr;
    return data;
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_;
};

// What was locked here, and not by cudaMallocHost: bytes by address.
struct Locked {
  std::mutex mutex;
  std::map<void*, std::size_t> bytes;
};

// Never destroyed: whoever holds memory may end later.
Locked& locked() {
  static auto& instance = *new Locked;
  return instance;
}

// 0: it was not locked here.
std::size_t forget(void* memory) noexcept {
  Locked& known = locked();
  const std::lock_guard lock(known.mutex);
  const auto found = known.bytes.find(memory);
  if (found == known.bytes.end()) {
    return 0;
  }
  const std::size_t bytes = found->second;
  known.bytes.erase(found);
  return bytes;
}

// Null: CUDA does not lock such pages, or there are none.
void* lock_pages(std::size_t bytes, const Sharing& sharing) {
  try {
    Pages pages(bytes);
    if (pages.data() == nullptr) {
      return nullptr;
    }
    pages.touch(sharing);
    const std::lock_guard lock(locked().mutex);
    locked().bytes.emplace(pages.data(), bytes);
    const cudaError_t answer =
        Call("cudaHostRegister").answer(cudaHostRegister(pages.data(), bytes, cudaHostRegisterPortable));
    if (answer != cudaSuccess) {
      (void)cudaGetLastError();
      locked().bytes.erase(pages.data());
      return nullptr;
    }
    return pages.release();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

cudaError_t lock_memory(void** memory, std::size_t bytes, const Sharing& sharing) {
  if (bytes >= least_bytes) {
    *memory = lock_pages(bytes, sharing);
    if (*memory != nullptr) {
      return cudaSuccess;
    }
  }
  return Call("cudaMallocHost").answer(cudaMallocHost(memory, bytes));
}

void unlock_memory(void* memory) noexcept {
  const std::size_t bytes = forget(memory);
  if (bytes == 0) {
    Call("cudaFreeHost").ignore(cudaFreeHost(memory));
  } else if (Call("cudaHostUnregister").answer(cudaHostUnregister(memory)) == cudaSuccess) {
    (void)::munmap(memory, in_huge_pages(bytes));  // else the device may still write there
  }
}

}  // namespace collapscope::cuda
