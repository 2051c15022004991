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
#if defined(__CUDA_ARCH__)
  return static_cast<const Pack<T, width>*>(array)[index];
#else
  Pack<T, width> pack;
  memcpy(&pack, static_cast<const std::byte*>(array) + index * sizeof pack, sizeof pack);
  return pack;
#endif
}

// Brings a pack that is read soon nearer, on devices.
template <class T, std::size_t width>
COLLAPSCOPE_HOST_DEVICE inline void ask_for_pack([[maybe_unused]] const void* array,
                                                 [[maybe_unused]] std::size_t index) {
#if defined(__CUDA_ARCH__)
  asm volatile("prefetch.global.L2 [%0];" ::"l"(static_cast<const Pack<T, width>*>(array) + index));
#endif
}

template <class T, std::size_t width>
COLLAPSCOPE_HOST_DEVICE inline void store_pack(T* array, std::size_t index, const Pack<T, width>& pack) {
#if defined(__CUDA_ARCH__)
  reinterpret_cast<Pack<T, width>*>(array)[index] = pack;
#else
  memcpy(array + index * width, &pack, sizeof pack);
#endif
}

}  // namespace collapscope::kernels
