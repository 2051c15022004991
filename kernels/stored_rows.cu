// Launches of what reads rows as stored.
#include "column_op.hpp"
#include "convert_op.hpp"
#include "launch.cuh"
#include "launchers.hpp"
#include "own_scale_op.hpp"
#include "unit_op.hpp"

namespace collapscope::kernels {

namespace {

StoredNumbers numbers_of(const StoredRows& rows) {
  return {rows.bytes, rows.element.kind, rows.element.big_endian};
}

// Whether rows can be read and written two numbers at a time.
bool in_pairs(const StoredRows& from, const DeviceMatrix& to) {
  return from.cols % 2 == 0 && to.stride % 2 == 0 && is_aligned(from.bytes, 2 * size_of(from.element.kind)) &&
         is_aligned(to.data, 2 * sizeof(double));
}

template <std::size_t width>
cudaError_t convert_packs(const StoredRows& from, const double* shift, const double* mean,
                          const DeviceMatrix& to, const RowStats& stats, const FiniteCheck& check,
                          cudaStream_t stream) {
  const ConvertRows<width> op{numbers_of(from), shift, to, stats, check, mean};
  return launch_rows(op, row_lanes(to.cols / width), stream);
}

}  // namespace

cudaError_t convert_rows(const StoredRows& from, const double* shift, const double* mean,
                         const DeviceMatrix& to, const RowStats& stats, const FiniteCheck& check,
                         cudaStream_t stream) {
  if (from.cols == 0) {
    return cudaSuccess;
  }
  const bool pairs =
      in_pairs(from, to) && is_aligned(shift, 2 * sizeof(double)) && is_aligned(mean, 2 * sizeof(double));
  return pairs ? convert_packs<2>(from, shift, mean, to, stats, check, stream)
               : convert_packs<1>(from, shift, mean, to, stats, check, stream);
}

cudaError_t stored_means(const StoredRows& from, const double* shift, double* workspace, double* means,
                         cudaStream_t stream) {
  const RowChunks chunks = row_chunks(from.rows, from.cols);
  if (chunks.count == 0) {
    return cudaSuccess;
  }
  const StoredNumbers numbers = numbers_of(from);
  const bool pairs = from.cols % 2 == 0 && is_aligned(from.bytes, 2 * size_of(from.element.kind)) &&
                     is_aligned(shift, 2 * sizeof(double)) && is_aligned(workspace, 2 * sizeof(double));
  const auto sums = [&](auto op) { return launch_columns(op, stream); };
  const cudaError_t error = pairs ? sums(StoredChunkSums<2>{numbers, from.rows, from.cols, shift, chunks.rows,
                                                            chunks.count, workspace})
                                  : sums(StoredChunkSums<1>{numbers, from.rows, from.cols, shift, chunks.rows,
                                                            chunks.count, workspace});
  if (error != cudaSuccess) {
    return error;
  }
  const StoredMeans totals{numbers, from.rows, from.cols, shift, chunks.count, workspace, means};
  return launch_rows(totals, row_lanes(chunks.count), stream);
}

cudaError_t own_scale_rows(const StoredRows& from, const DeviceMatrix& to, double* norm,
                           const double* centred_norm, double* unscale, cudaStream_t stream) {
  return launch_rows(OwnScaleRows{numbers_of(from), to, norm, centred_norm, unscale}, row_lanes(to.cols),
                     stream);
}

cudaError_t unit_rows(const StoredRows& from, const double* norm, const DeviceMatrix& to,
                      cudaStream_t stream) {
  if (in_pairs(from, to)) {
    return launch_columns(UnitRows<2>{numbers_of(from), norm, to}, stream);
  }
  return launch_columns(UnitRows<1>{numbers_of(from), norm, to}, stream);
}

}  // namespace collapscope::kernels
