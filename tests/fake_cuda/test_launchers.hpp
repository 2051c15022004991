#pragma once

#include <cuda_runtime_api.h>

#include "test_kernels.hpp"

namespace fake_cuda_test {

cudaError_t times(double* x, std::size_t count, double factor, cudaStream_t stream);
cudaError_t times(float* x, std::size_t count, float factor, cudaStream_t stream);
cudaError_t sum_rows(const double* x, double* sums, std::size_t rows, std::size_t cols, cudaStream_t stream);
cudaError_t number(double* x, std::size_t cols, std::size_t chunks, cudaStream_t stream);
cudaError_t count_up(double* x, std::size_t count, cudaStream_t stream);
cudaError_t unknown();
cudaError_t unknown_items();
cudaError_t too_many_threads(double* x);
cudaError_t kernel_attributes(cudaFuncAttributes* attributes);

}  // namespace fake_cuda_test
