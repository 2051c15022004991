// Launches of passes over float64 matrices: shifted rows, mirrored triangles.
#include "launch.cuh"
#include "launchers.hpp"
#include "shift_op.hpp"
#include "square_op.hpp"

namespace collapscope::kernels {

cudaError_t subtract_row(const DeviceMatrix& rows, const double* shift, cudaStream_t stream) {
  return launch_columns(SubtractRow{rows, shift}, stream);
}

cudaError_t mirror_lower(double* square, std::size_t n, cudaStream_t stream) {
  return launch_items(MirrorLower{square, n}, stream);
}

}  // namespace collapscope::kernels
