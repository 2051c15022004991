#include "launch.cuh"
#include "test_launchers.hpp"

namespace fake_cuda_test {

using collapscope::kernels::over_columns;
using collapscope::kernels::over_rows;

cudaError_t times(double* x, std::size_t count, double factor, cudaStream_t stream) {
  over_columns<<<2, 64, 0, stream>>>(Times<double>{x, factor, true, count});
  return cudaGetLastError();
}

cudaError_t times(float* x, std::size_t count, float factor, cudaStream_t stream) {
  over_columns<<<2, 64, 0, stream>>>(Times<float>{x, factor, true, count});
  return cudaGetLastError();
}

cudaError_t sum_rows(const double* x, double* sums, std::size_t rows, std::size_t cols, cudaStream_t stream) {
  over_rows<<<3, dim3(8, 16), 0, stream>>>(SumRows{x, sums, rows, cols});
  return cudaGetLastError();
}

cudaError_t number(double* x, std::size_t cols, std::size_t chunks, cudaStream_t stream) {
  over_columns<<<dim3(2, 2), 32, 0, stream>>>(Number{x, cols, chunks});
  return cudaGetLastError();
}

cudaError_t count_up(double* x, std::size_t count, cudaStream_t stream) {
  return collapscope::kernels::launch_items(Counted{x, count}, stream);
}

cudaError_t unknown_items() { return collapscope::kernels::launch_items(UnknownItems{}, nullptr); }

cudaError_t unknown() {
  over_columns<<<1, 1>>>(Unknown{});
  return cudaGetLastError();
}

cudaError_t too_many_threads(double* x) {
  over_columns<<<1, 2048>>>(Times<double>{x, 1, true, 0});
  return cudaGetLastError();
}

cudaError_t kernel_attributes(cudaFuncAttributes* attributes) {
  return cudaFuncGetAttributes(attributes, over_columns<Times<double>>);
}

}  // namespace fake_cuda_test
