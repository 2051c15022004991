// Symmetric eigendecomposition with cuSOLVER.
#pragma once

#include <optional>

#include "collapscope/linalg/eigenbasis.hpp"
#include "cuda/device.hpp"

namespace collapscope::cuda {

// As GpuDevice::decompose.
[[nodiscard]] std::optional<Eigenbasis> symmetric_eigen(const Device& device, const Matrix& symmetric,
                                                        std::size_t pairs);

}  // namespace collapscope::cuda
