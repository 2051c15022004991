// Launches of sums of slices, and the question whether there is code for this device at all.
#include "column_op.hpp"
#include "launch.cuh"
#include "launchers.hpp"
#include "slice_op.hpp"

namespace collapscope::kernels {

cudaError_t probe() {
  cudaFuncAttributes attributes{};
  const cudaError_t error = cudaFuncGetAttributes(&attributes, over_rows<ColumnTotals>);
  if (error != cudaSuccess) {
    (void)cudaGetLastError();
  }
  return error;
}

cudaError_t sum_slices(double* to, const double* from, std::size_t slices, std::size_t count, bool adds,
                       cudaStream_t stream) {
  return launch_items(SumSlices{to, from, slices, count, adds}, stream);
}

}  // namespace collapscope::kernels
