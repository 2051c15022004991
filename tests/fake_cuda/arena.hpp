// The ranges of addresses behind memory.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fake_cuda {

inline constexpr std::size_t page = 4096;

// The begin of the page around an address.
inline std::byte* page_of(const std::byte* address) {
  return reinterpret_cast<std::byte*>(reinterpret_cast<std::uintptr_t>(address) / page * page);
}

// Pages are given out upwards and never again. A guard page follows each piece. What was before a restart
// faults for ever, too, but costs nothing any more.
class Arena {
 public:
  explicit Arena(std::size_t reserved);

  // Pages filled with 0xFF, copied on write; inaccessible if the arena is closed.
  std::byte* take(std::size_t bytes);
  // Every later access faults.
  void retire(std::byte* pages, std::size_t bytes);

  // Retires everything at once.
  void restart();

  void open();
  void close();
  // Until the next close().
  void open(std::byte* pages, std::size_t bytes);
  // Whether it was ever given out.
  [[nodiscard]] bool contains(const void* address) const;

 private:
  void map_hole(std::byte* at, std::size_t bytes);

  std::byte* first_ = nullptr;
  std::byte* base_ = nullptr;  // where the last restart began
  std::byte* top_ = nullptr;
  std::byte* end_ = nullptr;
  bool open_ = false;
};

}  // namespace fake_cuda
