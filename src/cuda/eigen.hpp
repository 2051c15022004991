// Symmetric eigendecomposition with cuSOLVER. The pairs stay on the device, with the matrix, until they are
// checked.
#pragma once

#include <memory>

#include "cuda/device.hpp"
#include "gpu/device_pairs.hpp"

namespace collapscope::cuda {

// As GpuDevice::decompose.
[[nodiscard]] std::shared_ptr<gpu::DevicePairs> symmetric_eigen(const Device& device,
                                                                const gpu::SymmetricInput& symmetric,
                                                                std::size_t pairs, std::size_t written);

}  // namespace collapscope::cuda
