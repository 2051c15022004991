// Memory of one GPU, and page-locked memory of the host, that was given back and waits for its next use. To
// ask CUDA for memory, or to give it back, makes the whole device wait: what one layer used, the next one of
// its shape gets from here.
//
// Blocks are as large as was asked for and are handed out for that size again, never cut: so what the device
// reads or writes beside one is found as without a pool (compute-sanitizer, the fake runtime of the tests).
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>

#include "core/vector_math.hpp"

namespace collapscope::cuda {

enum class Place : unsigned char { device, pinned };

// For any number of threads, whose current device is the pool's.
class MemoryPool {
 public:
  // The one of this GPU, shared by all who have it open at the time.
  [[nodiscard]] static std::shared_ptr<MemoryPool> of(int device);

  MemoryPool() = default;
  // With the last who had the GPU open.
  ~MemoryPool() { (void)empty(); }
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  // The most bytes of either kind that wait here, where nobody has said more before; COLLAPSCOPE_GPU_POOL=0:
  // none, whatever is said.
  void limit(std::size_t device_bytes, std::size_t pinned_bytes);

  // Where there is no more, everything that waits here is given back, and CUDA is asked again. sharing: the
  // host's threads. Throws DeviceMemoryError.
  [[nodiscard]] void* take(Place place, std::size_t bytes, const Sharing& sharing = {});
  // is_at_rest: no work that may use it is under way. Else it does not stay here. Once a device is abandoned,
  // nothing is done with it.
  void put(Place place, void* memory, std::size_t bytes, bool is_at_rest) noexcept;
  // Gives everything that waits here back; returns its bytes.
  std::size_t empty() noexcept;

 private:
  struct Block {
    Place place;
    void* memory;
    std::size_t bytes;
  };
  using Blocks = std::list<Block>;

  [[nodiscard]] void* reuse(Place place, std::size_t bytes);
  static void give_back(const Blocks& blocks) noexcept;

  std::mutex mutex_;
  Blocks idle_;  // the oldest first
  std::size_t most_[2] = {0, 0};
  std::size_t waiting_[2] = {0, 0};  // bytes
};

}  // namespace collapscope::cuda
