// Whether a matrix on the device is positive definite: cuSOLVER's Cholesky factorization.
#pragma once

#include "cuda/device_pairs.hpp"

namespace collapscope::cuda {

// memory.matrix [order, order], both triangles given, is used up. False also where cuSOLVER gives up.
[[nodiscard]] bool is_positive_definite(const Device& device, const CudaPairs::Memory& memory,
                                        std::size_t order);

}  // namespace collapscope::cuda
