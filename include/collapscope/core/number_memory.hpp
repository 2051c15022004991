// Memory for arrays of numbers. Large ones ask for huge pages: with small ones, walks over matrices wait for
// the addresses of pages, and each page is touched for the first time by itself.
#pragma once

#include <cstddef>
#include <new>

namespace collapscope {

// Begins at a cache line.
[[nodiscard]] void* allocate_numbers(std::size_t bytes);
void free_numbers(void* memory, std::size_t bytes) noexcept;

// An allocator of the standard library's kind.
template <class T>
struct NumberMemory {
  using value_type = T;

  NumberMemory() = default;
  template <class U>
  explicit NumberMemory(const NumberMemory<U>& /*other*/) {}
  T* allocate(std::size_t count) { return static_cast<T*>(allocate_numbers(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) noexcept { free_numbers(memory, count * sizeof(T)); }
  friend bool operator==(const NumberMemory&, const NumberMemory&) { return true; }
};

// Leaves numbers that are not given a value as the memory had them.
template <class T>
struct UnfilledMemory : NumberMemory<T> {
  UnfilledMemory() = default;
  template <class U>
  explicit UnfilledMemory(const UnfilledMemory<U>& other) : NumberMemory<T>(other) {}
  template <class U>
  struct rebind {
    using other = UnfilledMemory<U>;
  };
  template <class U>
  void construct(U* number) noexcept {
    ::new (static_cast<void*>(number)) U;
  }
};

}  // namespace collapscope
