#include "copies.hpp"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "ledger.hpp"
#include "memory.hpp"
#include "runtime.hpp"
#include "streams.hpp"

namespace fake_cuda {

namespace {

enum class Place { device, pinned, pageable, wrong };

// From the first byte to the last.
std::size_t extent(std::size_t pitch, const Copy& copy) { return (copy.height - 1) * pitch + copy.width; }

Place place_of(const void* address, std::size_t bytes, int device, const Copy& copy, const char* argument) {
  const Allocation* a = allocation_of(address);
  if (a == nullptr && !is_fake_address(address)) {
    return Place::pageable;
  }
  if (a == nullptr || a->device != pinned) {
    return is_device_range(address, bytes, device, copy.call, argument) ? Place::device : Place::wrong;
  }
  if (bytes > a->size - static_cast<std::size_t>(static_cast<const std::byte*>(address) - a->begin)) {
    violation("%s: %s, %zu bytes, is beyond %s", copy.call, argument, bytes,
              describe_address(address).c_str());
    return Place::wrong;
  }
  return Place::pinned;
}

bool fits(cudaMemcpyKind kind, bool from_device, bool to_device) {
  switch (kind) {
    case cudaMemcpyHostToHost:
      return !from_device && !to_device;
    case cudaMemcpyHostToDevice:
      return !from_device && to_device;
    case cudaMemcpyDeviceToHost:
      return from_device && !to_device;
    case cudaMemcpyDeviceToDevice:
      return from_device && to_device;
    default:
      return kind == cudaMemcpyDefault;
  }
}

void copy_rows(const Copy& copy) {
  for (std::size_t row = 0; row < copy.height; ++row) {
    std::memmove(static_cast<std::byte*>(copy.to) + row * copy.to_pitch,
                 static_cast<const std::byte*>(copy.from) + row * copy.from_pitch, copy.width);
  }
}

// The source as it is now, rows back to back.
std::shared_ptr<std::vector<std::byte>> staged(const Copy& copy) {
  auto bytes = std::make_shared<std::vector<std::byte>>(copy.width * copy.height);
  Copy stage = copy;
  stage.to = bytes->data();
  stage.to_pitch = copy.width;
  copy_rows(stage);
  return bytes;
}

// Of several rows on the device only the pages are known, later.
void touch(std::vector<Touch>& touches, const void* address, std::size_t bytes, Place place, const Copy& copy,
           bool writes) {
  const auto* begin = static_cast<const std::byte*>(address);
  if (place == Place::pinned || (place == Place::device && copy.height == 1)) {
    touches.push_back({begin, begin + bytes, writes});
  }
}

void count_copy(Place from, Place to, std::size_t bytes) {
  const auto word = [](Place place) {
    return std::string(place == Place::device ? "device" : place == Place::pinned ? "pinned" : "pageable");
  };
  const std::string way = word(from) + "_to_" + word(to);
  count("copies_" + way);
  count("bytes_" + way, bytes);
  count("device_bytes_read", from == Place::device ? bytes : 0);
  count("device_bytes_written", to == Place::device ? bytes : 0);
}

}  // namespace

cudaError_t enqueue_copy(const Copy& copy, cudaStream_t handle, bool wait) {
  Stream* stream = find_stream(handle, copy.call);
  if (stream == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  if (copy.width == 0 || copy.height == 0) {
    return cudaSuccess;
  }
  if (copy.height > 1 && (copy.width > copy.to_pitch || copy.width > copy.from_pitch)) {
    return cudaErrorInvalidPitchValue;
  }
  const int device = device_of(*stream);
  const Place from = place_of(copy.from, extent(copy.from_pitch, copy), device, copy, "source");
  const Place to = place_of(copy.to, extent(copy.to_pitch, copy), device, copy, "destination");
  if (from == Place::wrong || to == Place::wrong) {
    return cudaErrorInvalidValue;
  }
  const bool from_device = from == Place::device;
  const bool to_device = to == Place::device;
  if (!fits(copy.kind, from_device, to_device)) {
    violation("%s: the direction does not fit source and destination", copy.call);
    return cudaErrorInvalidValue;
  }
  const std::string direction =
      std::string(from_device ? "device" : "host") + "_to_" + (to_device ? "device" : "host");
  ledger().copied[direction] += copy.width * copy.height;
  count_copy(from, to, copy.width * copy.height);

  // Pageable memory is read at the call, and written before it returns.
  Copy late = copy;
  std::shared_ptr<std::vector<std::byte>> stage;
  if (from == Place::pageable) {
    stage = staged(copy);
    late.from = stage->data();
    late.from_pitch = copy.width;
  }
  std::vector<Touch> touches;
  touch(touches, copy.from, extent(copy.from_pitch, copy), from, copy, false);
  touch(touches, copy.to, extent(copy.to_pitch, copy), to, copy, true);
  const ItemPtr item = enqueue_transfer(
      *stream, std::string(copy.call) + " " + direction, [late, stage] { copy_rows(late); },
      std::move(touches), copy.height == 1);
  return wait || to == Place::pageable ? await(item) : cudaSuccess;
}

cudaError_t enqueue_fill(void* to, int value, std::size_t bytes, cudaStream_t handle, bool wait,
                         const char* call) {
  Stream* stream = find_stream(handle, call);
  if (stream == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  if (bytes == 0) {
    return cudaSuccess;
  }
  if (!is_device_range(to, bytes, device_of(*stream), call, "destination")) {
    return cudaErrorInvalidValue;
  }
  count("fills");
  count("device_bytes_written", bytes);
  auto* begin = static_cast<std::byte*>(to);
  const ItemPtr item = enqueue_transfer(
      *stream, call, [=] { std::memset(to, value, bytes); }, {{begin, begin + bytes, true}}, true);
  return wait ? await(item) : cudaSuccess;
}

}  // namespace fake_cuda
