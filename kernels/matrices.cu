// Launches of element-wise arithmetic and of passes over square matrices.
#include "launch.cuh"
#include "launchers.hpp"
#include "square_op.hpp"
#include "vector_op.hpp"

namespace collapscope::kernels {

cudaError_t subtract_row(const DeviceMatrix& rows, const double* shift, cudaStream_t stream) {
  const Elementwise<Subtract> op{rows.data, rows.stride, rows.data, rows.stride,
                                 rows.rows, rows.cols,   {shift}};
  return launch_columns(op, stream);
}

cudaError_t narrow(float* to, std::size_t to_stride, const DeviceMatrix& from, cudaStream_t stream) {
  const Elementwise<Narrow> op{from.data, from.stride, to, to_stride, from.rows, from.cols, {}};
  return launch_columns(op, stream);
}

cudaError_t scale_rows(double* to, const double* from, const double* values, std::size_t n,
                       cudaStream_t stream) {
  return launch_columns(Elementwise<ScaleRow>{from, n, to, n, n, n, {values}}, stream);
}

cudaError_t scale(double* to, const double* from, double factor, std::size_t count, cudaStream_t stream) {
  return launch_items(Scale{to, from, factor, count}, stream);
}

cudaError_t mirror_lower(double* square, std::size_t n, cudaStream_t stream) {
  return launch_items(MirrorLower{square, n}, stream);
}

std::size_t difference_workspace(std::size_t n) { return n; }

cudaError_t largest_difference(const double* a, const double* b, std::size_t n, double* workspace,
                               double* largest, cudaStream_t stream) {
  if (n == 0) {
    return cudaSuccess;
  }
  if (const cudaError_t error = launch_rows(RowDifference{a, b, n, workspace}, row_lanes(n), stream);
      error != cudaSuccess) {
    return error;
  }
  return launch_rows(LargestOf{workspace, n, largest}, 32, stream);
}

}  // namespace collapscope::kernels
