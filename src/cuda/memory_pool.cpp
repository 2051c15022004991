#include "cuda/memory_pool.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <new>
#include <string_view>

#include "cuda/call.hpp"
#include "cuda/locked_memory.hpp"
#include "cuda/time_limit.hpp"

namespace collapscope::cuda {

namespace {

constexpr const char* pool_variable = "COLLAPSCOPE_GPU_POOL";

bool is_wanted() {
  const char* chosen = std::getenv(pool_variable);
  return chosen == nullptr || std::string_view(chosen) != "0";
}

std::size_t index_of(Place place) { return static_cast<std::size_t>(place); }

// What CUDA answers: cudaErrorMemoryAllocation is no error yet.
cudaError_t ask_for(Place place, void** memory, std::size_t bytes, const Sharing& sharing) {
  if (place == Place::pinned) {
    return lock_memory(memory, bytes, sharing);
  }
  return Call("cudaMalloc").answer(cudaMalloc(memory, bytes));
}

}  // namespace

std::shared_ptr<MemoryPool> MemoryPool::of(int device) {
  static std::mutex mutex;
  static std::map<int, std::weak_ptr<MemoryPool>> pools;
  const std::lock_guard lock(mutex);
  std::shared_ptr<MemoryPool> pool = pools[device].lock();
  if (pool == nullptr) {
    pool = std::make_shared<MemoryPool>();
    pools[device] = pool;
  }
  return pool;
}

void MemoryPool::limit(std::size_t device_bytes, std::size_t pinned_bytes) {
  const bool wanted = is_wanted();
  const std::lock_guard lock(mutex_);
  const auto raise = [&](Place place, std::size_t bytes) {
    std::size_t& most = most_[index_of(place)];
    most = wanted ? std::max(most, bytes) : 0;
  };
  raise(Place::device, device_bytes);
  raise(Place::pinned, pinned_bytes);
}

void* MemoryPool::reuse(Place place, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(idle_.rbegin(), idle_.rend(), [=](const Block& block) {
    return block.place == place && block.bytes == bytes;
  });
  if (found == idle_.rend()) {
    return nullptr;
  }
  void* const memory = found->memory;
  idle_.erase(std::next(found).base());
  waiting_[index_of(place)] -= bytes;
  return memory;
}

void* MemoryPool::take(Place place, std::size_t bytes, const Sharing& sharing) {
  void* memory = reuse(place, bytes);
  if (memory != nullptr) {
    return memory;
  }
  cudaError_t answer = ask_for(place, &memory, bytes, sharing);
  if (answer == cudaErrorMemoryAllocation && empty() > 0) {
    (void)cudaGetLastError();
    answer = ask_for(place, &memory, bytes, sharing);
  }
  check(answer, place == Place::pinned ? "page-locked memory" : "cudaMalloc");
  return memory;
}

void MemoryPool::put(Place place, void* memory, std::size_t bytes, bool is_at_rest) noexcept {
  if (is_abandoned()) {
    return;
  }
  Blocks out;
  try {
    out.push_back({place, memory, bytes});
  } catch (const std::bad_alloc&) {
    return;  // the process has other worries
  }
  if (is_at_rest) {
    const std::lock_guard lock(mutex_);
    idle_.splice(idle_.end(), out);
    std::size_t& waiting = waiting_[index_of(place)];
    waiting += bytes;
    for (auto block = idle_.begin(); waiting > most_[index_of(place)];) {
      const auto next = std::next(block);
      if (block->place == place) {
        waiting -= block->bytes;
        out.splice(out.end(), idle_, block);
      }
      block = next;
    }
  }
  give_back(out);
}

std::size_t MemoryPool::empty() noexcept {
  Blocks out;
  std::size_t bytes = 0;
  {
    const std::lock_guard lock(mutex_);
    out.swap(idle_);
    for (std::size_t& waiting : waiting_) {
      bytes += waiting;
      waiting = 0;
    }
  }
  give_back(out);
  return bytes;
}

void MemoryPool::give_back(const Blocks& blocks) noexcept {
  for (const Block& block : blocks) {
    if (is_abandoned()) {
      return;
    }
    if (block.place == Place::pinned) {
      unlock_memory(block.memory);
    } else {
      Call("cudaFree").ignore(cudaFree(block.memory));
    }
  }
}

}  // namespace collapscope::cuda
