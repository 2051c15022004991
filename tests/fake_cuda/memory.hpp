// Memory of the devices and pinned memory of the host. What is not the program's own lies in one range of
// addresses that is never used twice: what was freed faults for ever, and every allocation ends at a page
// that faults.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace fake_cuda {

constexpr int pinned = -1;  // in place of a device

struct Allocation {
  std::byte* begin = nullptr;
  std::size_t size = 0;
  int device = pinned;
  long id = 0;
  std::byte* pages = nullptr;  // what was mapped: pages ... pages + mapped, then the guard page
  std::size_t mapped = 0;
  bool is_registered = false;  // the program's own memory: no guard page, and it may come again
};

// All bytes 0xFF; begins at a multiple of 256. Null: beyond the device's memory.
void* allocate(std::size_t size, int device);
// False: not the begin of such an allocation. Reports writes beside the allocation.
bool release(const void* begin, bool device_memory);

// The program's own memory becomes pinned, or ordinary again. False: some of it is pinned; not the begin of
// such memory.
bool register_memory(void* begin, std::size_t size);
bool unregister_memory(const void* begin);

// What a handle's kernels take, from its first computation on: see FAKE_CUDA_LAZY_LOADING.
class LazyKernels {
 public:
  // False: there is no room.
  bool load(int device);
  void unload();

 private:
  void* memory_ = nullptr;
};

// The live allocation around `address`, or null.
const Allocation* allocation_of(const void* address);
// Likewise, with the bytes up to the guard page and from the begin of the first page.
const Allocation* mapped_around(const void* address);
bool is_freed(const void* address);
// Whether the address was ever given out.
bool is_fake_address(const void* address);
// "device 0 allocation 12 of 4096 bytes", "freed memory", ...
std::string describe_address(const void* address);

// Whether [address, address + bytes) is memory of `device`; reports it if not. `call` and `argument` name it.
bool is_device_range(const void* address, std::size_t bytes, int device, const char* call,
                     const char* argument);

// Inaccessible, whatever page was made accessible.
void close_device_memory();

std::size_t used_bytes(int device);
std::size_t peak_device_bytes();
std::vector<std::string> open_allocations();
void forget_allocations();

// Device memory is accessible while one of these lives, as the device would be at work; else every access
// faults.
class DeviceAtWork {
 public:
  DeviceAtWork();
  ~DeviceAtWork();
  DeviceAtWork(const DeviceAtWork&) = delete;
  DeviceAtWork& operator=(const DeviceAtWork&) = delete;
};

}  // namespace fake_cuda
