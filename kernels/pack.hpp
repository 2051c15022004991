// Neighbouring numbers that one thread moves with one access.
#pragma once

#include <cstddef>
#include <cstring>

#include "element.hpp"

namespace collapscope::kernels {

template <class T, std::size_t width>
struct alignas(width * sizeof(T)) Pack {
  T number[width];
};

// Pack `index` of an array that is aligned as a pack is.
template <class T, std::size_t width>
COLLAPSCOPE_HOST_DEVICE inline Pack<T, width> load_pack(const void* array, std::size_t index) {
  using P = Pack<T, width>;
  P pack;
  const void* from = static_cast<const std::byte*>(array) + index * sizeof(P);
  memcpy(&pack, __builtin_assume_aligned(from, alignof(P)), sizeof pack);
  return pack;
}

template <class T, std::size_t width>
COLLAPSCOPE_HOST_DEVICE inline void store_pack(T* array, std::size_t index, const Pack<T, width>& pack) {
  void* to = array + index * width;
  memcpy(__builtin_assume_aligned(to, alignof(Pack<T, width>)), &pack, sizeof pack);
}

}  // namespace collapscope::kernels
