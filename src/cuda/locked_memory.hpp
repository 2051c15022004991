// Page-locked memory of the host. Large pieces are pages that threads of the host take, huge ones where the
// system has them, before CUDA locks them: a third of the time that cudaMallocHost takes for them (an H200's
// host, docs/gpu.md). Where CUDA does not lock what it has not allocated, cudaMallocHost gives them. Forked
// processes do not inherit them.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include "core/vector_math.hpp"

namespace collapscope::cuda {

// What CUDA answers. sharing: the host's threads.
[[nodiscard]] cudaError_t lock_memory(void** memory, std::size_t bytes, const Sharing& sharing = {});
// memory: of lock_memory.
void unlock_memory(void* memory) noexcept;

}  // namespace collapscope::cuda
