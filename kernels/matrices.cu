// Launches of passes over float64 matrices: shifted rows, means of parts, mirrored triangles.
#include "eigen_op.hpp"
#include "launch.cuh"
#include "launchers.hpp"
#include "part_op.hpp"
#include "shift_op.hpp"
#include "square_op.hpp"

namespace collapscope::kernels {

cudaError_t subtract_row(const DeviceMatrix& rows, const double* shift, cudaStream_t stream) {
  return launch_columns(SubtractRow{rows, shift}, stream);
}

cudaError_t part_means(const PartRecords& records, const double* share, double* mean, cudaStream_t stream) {
  return launch_items(PartMeans{records, share, mean}, stream);
}

cudaError_t between_parts(const PartRecords& records, const double* weight, const double* mean,
                          const DeviceMatrix& to, cudaStream_t stream) {
  return launch_columns(BetweenParts{records, weight, mean, to}, stream);
}

cudaError_t offset_means(const ColumnSumsOfParts& sums, const double* centre, double* mean, double* offset,
                         cudaStream_t stream) {
  return launch_items(OffsetMeans{sums, centre, mean, offset}, stream);
}

cudaError_t part_offsets(const PartRecords& records, const double* weight, const DeviceMatrix& to,
                         cudaStream_t stream) {
  return launch_columns(PartOffsets{records, weight, to}, stream);
}

cudaError_t divide_twice(const double* from, double* to, std::size_t count, double first, double second,
                         cudaStream_t stream) {
  return launch_items(DivideTwice{from, to, count, first, second}, stream);
}

cudaError_t scale_rows(const DeviceMatrix& rows, const double* factor, cudaStream_t stream) {
  return launch_columns(ScaleRows{rows, factor}, stream);
}

cudaError_t shift_diagonal(double* square, std::size_t n, double by, cudaStream_t stream) {
  return launch_items(ShiftDiagonal{square, n, by}, stream);
}

cudaError_t mirror_lower(double* square, std::size_t n, cudaStream_t stream) {
  return launch_items(MirrorLower{square, n}, stream);
}

}  // namespace collapscope::kernels
