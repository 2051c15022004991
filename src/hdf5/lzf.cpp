#include "hdf5/lzf.hpp"

#include <hdf5.h>

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>

#include "collapscope/core/error.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr H5Z_filter_t lzf_filter = 32000;

using ByteView = std::span<const std::byte>;

std::size_t as_size(std::byte byte) { return std::to_integer<std::size_t>(byte); }

// One step of an LZF stream: bytes to take as they are, or bytes to repeat from `distance` back.
struct Step {
  std::size_t length;
  std::size_t distance;  // 0: as they are
};

// Takes a step's bytes from the front of `packed`, literals excepted; nullopt when they are cut off.
std::optional<Step> next_step(ByteView& packed) {
  const std::size_t control = as_size(packed[0]);
  packed = packed.subspan(1);
  if (control < 32) {
    return control + 1 <= packed.size() ? std::optional(Step{control + 1, 0}) : std::nullopt;
  }
  std::size_t length = (control >> 5U) + 2;
  if (length == 9 && !packed.empty()) {
    length += as_size(packed[0]);
    packed = packed.subspan(1);
  }
  if (packed.empty()) {
    return std::nullopt;
  }
  const std::size_t distance = ((control & 31U) << 8U) + as_size(packed[0]) + 1;
  packed = packed.subspan(1);
  return Step{length, distance};
}

// Copies at least `length` bytes, `step` at a time; the places may overlap when they are `step` bytes apart.
template <std::size_t step>
void copy_in_steps(std::byte* to, const std::byte* from, std::size_t length) {
  for (std::size_t i = 0; i < length; i += step) {
    std::memcpy(to + i, from + i, step);
  }
}

// Repeats `length` bytes from `distance` back; may write up to 15 more.
void repeat(std::byte* to, std::size_t distance, std::size_t length) {
  const std::byte* from = to - distance;
  if (distance >= 16) {
    copy_in_steps<16>(to, from, length);
  } else if (distance >= 8) {
    copy_in_steps<8>(to, from, length);
  } else {
    copy_in_steps<1>(to, from, length);
  }
}

// Unpacks while there is room for the longest step and its haste: copies of whole words. Goes on from `at`
// bytes and takes what it has unpacked from the front of `packed`. Returns false for damaged data.
bool unpack_front(ByteView& packed, std::span<std::byte> out, std::size_t& at) {
  constexpr std::size_t longest = 264;  // bytes of a step
  constexpr std::size_t haste = 32;
  const std::byte* in = packed.data();
  const std::byte* const in_end = in + packed.size();
  std::byte* const begin = out.data();
  std::byte* to = begin + at;
  std::byte* const end = begin + out.size();
  bool sound = true;
  while (in_end - in > std::ptrdiff_t{haste} && end - to >= std::ptrdiff_t{longest + haste}) {
    const std::size_t control = as_size(*in++);
    if (control < 32) {
      copy_in_steps<16>(to, in, 32);
      in += control + 1;
      to += control + 1;
      continue;
    }
    std::size_t length = (control >> 5U) + 2;
    if (length == 9) {
      length += as_size(*in++);
    }
    const std::size_t distance = ((control & 31U) << 8U) + as_size(*in++) + 1;
    if (distance > static_cast<std::size_t>(to - begin)) {
      sound = false;
      break;
    }
    repeat(to, distance, length);
    to += length;
  }
  at = static_cast<std::size_t>(to - begin);
  packed = {in, in_end};
  return sound;
}

std::size_t damaged() {
  H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_PLINE, H5E_CALLBACK,
           "the lzf data is damaged");
  return 0;
}

// HDF5's filter callback: replaces `*buffer` by its unpacked bytes; 0 on failure.
std::size_t lzf(unsigned flags, std::size_t, const unsigned*, std::size_t bytes, std::size_t* buffer_size,
                void** buffer) {
  const ByteView packed(static_cast<const std::byte*>(*buffer), bytes);
  const std::size_t size = (flags & H5Z_FLAG_REVERSE) != 0 ? lzf_unpacked_size(packed) : 0;
  if (size == 0) {
    return damaged();
  }
  void* out = H5allocate_memory(size, false);
  if (out == nullptr) {
    return 0;
  }
  lzf_unpack(packed, {static_cast<std::byte*>(out), size});
  H5free_memory(*buffer);
  *buffer = out;
  *buffer_size = size;
  return size;
}

}  // namespace

std::size_t lzf_unpacked_size(ByteView packed) {
  std::size_t size = 0;
  while (!packed.empty()) {
    const auto step = next_step(packed);
    if (!step || step->distance > size) {
      return 0;
    }
    packed = packed.subspan(step->distance == 0 ? step->length : 0);
    size += step->length;
  }
  return size;
}

bool lzf_unpack(ByteView packed, std::span<std::byte> out) {
  std::size_t at = 0;
  if (!unpack_front(packed, out, at)) {
    return false;
  }
  while (!packed.empty()) {
    const auto step = next_step(packed);
    if (!step || step->distance > at || step->length > out.size() - at) {
      return false;
    }
    std::byte* to = out.data() + at;
    const std::byte* from = step->distance == 0 ? packed.data() : to - step->distance;
    if (step->distance == 0 || step->distance >= step->length) {
      std::memcpy(to, from, step->length);
    } else {
      for (std::size_t i = 0; i < step->length; ++i) {
        to[i] = from[i];  // a run: what was just written is repeated
      }
    }
    packed = packed.subspan(step->distance == 0 ? step->length : 0);
    at += step->length;
  }
  return at == out.size();
}

void register_lzf() {
  if (H5Zfilter_avail(lzf_filter) > 0) {
    return;
  }
  const H5Z_class2_t filter{H5Z_CLASS_T_VERS, lzf_filter, 0, 1, "lzf", nullptr, nullptr, lzf};
  if (H5Zregister(&filter) < 0) {
    throw Error("cannot add the lzf filter to HDF5");
  }
}

}  // namespace collapscope::hdf5
