// Launches of what classes of rows take.
#include "class_op.hpp"
#include "launch.cuh"
#include "launchers.hpp"

namespace collapscope::kernels {

cudaError_t class_sums(const ClassRuns& runs, const DeviceMatrix& from, const double* last,
                       std::size_t last_stride, const double* mean, double* workspace, double* table,
                       cudaStream_t stream) {
  const ClassChunkSums chunks{runs, from, last, last_stride, workspace};
  if (const cudaError_t error = launch_columns(chunks, stream); error != cudaSuccess) {
    return error;
  }
  return launch_columns(ClassRunSums{runs, workspace, chunks.columns(), mean, from.cols, table}, stream);
}

cudaError_t class_rests(const DeviceMatrix& from, const double* numbers, const double* means, double* to,
                        double* square, std::size_t square_stride, cudaStream_t stream) {
  return launch_rows(ClassRests{from, numbers, means, to, square, square_stride}, row_lanes(from.cols),
                     stream);
}

cudaError_t nearest_vectors(const BestSearch& search, cudaStream_t stream) {
  const BestVectors<true> op{search, {}, search.scores.rows};
  return launch_rows_in_steps(op, row_lanes(search.scores.cols), stream);
}

cudaError_t highest_vectors(const BestSearch& search, const StoredRows& rows, cudaStream_t stream) {
  const BestVectors<false> op{
      search, {rows.bytes, rows.element.kind, rows.element.big_endian}, search.scores.rows};
  return launch_rows_in_steps(op, row_lanes(search.scores.cols), stream);
}

cudaError_t count_nearest(const double* numbers, const double* nearest, const double* chosen,
                          const double* weight_rows, std::size_t rows, double* own, double* unlike,
                          std::size_t stride, cudaStream_t stream) {
  return launch_items(CountNearest{numbers, nearest, chosen, weight_rows, rows, own, unlike, stride}, stream);
}

}  // namespace collapscope::kernels
