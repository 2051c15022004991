// Launches of what float32 products need.
#include "launch.cuh"
#include "launchers.hpp"
#include "narrow_op.hpp"

namespace collapscope::kernels {

cudaError_t narrow_rows(const DeviceMatrix& from, const double* scale, const FloatMatrix& to,
                        cudaStream_t stream) {
  return launch_columns(NarrowRows{from, to, scale}, stream);
}

cudaError_t column_squares(const DeviceMatrix& rows, double* workspace, double* squares,
                           cudaStream_t stream) {
  const RowChunks chunks = row_chunks(rows.rows, rows.cols);
  if (chunks.count == 0) {
    return cudaSuccess;
  }
  if (const cudaError_t error =
          launch_columns(ChunkSquares{rows, chunks.rows, chunks.count, workspace}, stream);
      error != cudaSuccess) {
    return error;
  }
  return launch_rows(SquareTotals{rows.cols, chunks.count, workspace, squares}, row_lanes(chunks.count),
                     stream);
}

cudaError_t choose_scale(const double* squares, std::size_t cols, std::size_t rows, double* scale,
                         cudaStream_t stream) {
  return launch_rows(ChooseScale{squares, cols, rows, scale}, row_lanes(cols), stream);
}

cudaError_t sum_float_slices(double* to, const float* from, std::size_t slices, std::size_t count,
                             const double* scale, bool adds, cudaStream_t stream) {
  return launch_items(SumFloatSlices{to, from, slices, count, scale, adds}, stream);
}

}  // namespace collapscope::kernels
