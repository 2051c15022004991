// Launches of sums along rows and along columns of float64 matrices.
#include "beside_op.hpp"
#include "column_op.hpp"
#include "launch.cuh"
#include "launchers.hpp"
#include "residual_op.hpp"

namespace collapscope::kernels {

cudaError_t beside_rows(const double* y, std::size_t n, const double* shift, const RowStats& stats,
                        const DeviceMatrix& to, cudaStream_t stream) {
  return launch_rows(BesideRows{y, n, shift, stats, to}, lanes_of(to.cols, 1), stream);
}

std::size_t column_workspace(std::size_t rows, std::size_t cols) {
  return row_chunks(rows, cols).count * cols;
}

cudaError_t column_sums(const DeviceMatrix& rows, double* workspace, double* sums, double* means,
                        cudaStream_t stream) {
  const RowChunks chunks = row_chunks(rows.rows, rows.cols);
  if (chunks.count == 0) {
    return cudaSuccess;
  }
  if (const cudaError_t error = launch_columns(ChunkSums{rows, chunks.rows, chunks.count, workspace}, stream);
      error != cudaSuccess) {
    return error;
  }
  const ColumnTotals totals{rows, chunks.count, workspace, sums, means};
  return launch_rows(totals, row_lanes(chunks.count), stream);
}

cudaError_t outside_rows(const DeviceMatrix& x, const double* within, const double* mean_outside,
                         const RowNorms& norms, double* out, std::size_t out_stride, cudaStream_t stream) {
  const bool pairs = x.cols % 2 == 0 && x.stride % 2 == 0 && is_aligned(x.data, 2 * sizeof(double)) &&
                     is_aligned(within, 2 * sizeof(double)) && is_aligned(mean_outside, 2 * sizeof(double));
  if (pairs) {
    return launch_rows(OutsideRows<2>{x, within, mean_outside, norms, out, out_stride}, row_lanes(x.cols / 2),
                       stream);
  }
  return launch_rows(OutsideRows<1>{x, within, mean_outside, norms, out, out_stride}, row_lanes(x.cols),
                     stream);
}

cudaError_t map_errors(const DeviceMatrix& mapped, const double* mapped_mean, bool about_mean,
                       const RowNorms& norms, const double* y, const double* target_mean, double* out,
                       std::size_t out_stride, cudaStream_t stream) {
  return launch_rows(MapErrors{mapped, mapped_mean, about_mean, norms, y, target_mean, out, out_stride},
                     row_lanes(mapped.cols), stream);
}

cudaError_t mark_at_most(const double* norm, std::size_t rows, double least, double* out,
                         std::size_t out_stride, cudaStream_t stream) {
  return launch_items(MarkAtMost{norm, rows, least, out, out_stride}, stream);
}

}  // namespace collapscope::kernels
