// What the GPU computes, as host functions: they enqueue on `stream` and return the launch's error.
// Pointers are to device memory. Matrices are row-major.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "arguments.hpp"
#include "collapscope/core/rows.hpp"

namespace collapscope::kernels {

// cudaSuccess when this build has code for the current device.
cudaError_t probe();

// to = h - shift - mean (either null: none), and statistics of h and h - shift of every row. to.rows =
// from.rows, to.cols = from.cols.
cudaError_t convert_rows(const StoredRows& from, const double* shift, const double* mean,
                         const DeviceMatrix& to, const RowStats& stats, const FiniteCheck& check,
                         cudaStream_t stream);

// means [cols] of h - shift (null: h), as column_sums has them. Workspace as for column_sums.
cudaError_t stored_means(const StoredRows& from, const double* shift, double* workspace, double* means,
                         cudaStream_t stream);

// to = h / |h|, zero rows stay 0. norm [rows]: |h|.
cudaError_t unit_rows(const StoredRows& from, const double* norm, const DeviceMatrix& to,
                      cudaStream_t stream);

// to = the pooled rows skip_rows ... skip_rows + to.rows - 1 of whole stored samples, as decode_tile.
// The finite check sees every number of pooled samples; with Pool::none, those of the rows. Rows that are
// stored back to back already are for convert_rows: cudaErrorInvalidValue.
cudaError_t pool_rows(const std::byte* samples, const RowFormat& format, std::size_t skip_rows,
                      const DeviceMatrix& to, const FiniteCheck& check, cudaStream_t stream);

// What stands beside rows, to [rows, n + 5] = y - shift [n], |h - shift|^2, |y - shift|^2, 1, |h|, whether h
// is 0. y [rows, n] back to back; stats: of h, as convert_rows left them, |h - shift| is not wanted.
cudaError_t beside_rows(const double* y, std::size_t n, const double* shift, const RowStats& stats,
                        const DeviceMatrix& to, cudaStream_t stream);

// Doubles of workspace that column_sums needs.
std::size_t column_workspace(std::size_t rows, std::size_t cols);

// sums and means [cols] of the rows (either null: not wanted); exact for constant columns: the first row
// plus what differs from it. Same bits every time.
cudaError_t column_sums(const DeviceMatrix& rows, double* workspace, double* sums, double* means,
                        cudaStream_t stream);

// rows -= shift [cols]
cudaError_t subtract_row(const DeviceMatrix& rows, const double* shift, cudaStream_t stream);

// to = from * *scale (null: 1), rounded to float.
cudaError_t narrow_rows(const DeviceMatrix& from, const double* scale, const FloatMatrix& to,
                        cudaStream_t stream);

// squares [cols]: the sums of squares of the rows' columns. Workspace as for column_sums. Same bits every
// time.
cudaError_t column_squares(const DeviceMatrix& rows, double* workspace, double* squares, cudaStream_t stream);

// *scale = the power of two that takes the largest root mean square of `rows` rows' columns to [1, 2).
cudaError_t choose_scale(const double* squares, std::size_t cols, std::size_t rows, double* scale,
                         cudaStream_t stream);

// Gives rows their own scale where they need it: to [from.rows, from.cols] has what convert_rows left of
// them. norm, centred_norm, unscale [from.rows].
cudaError_t own_scale_rows(const StoredRows& from, const DeviceMatrix& to, double* norm,
                           const double* centred_norm, double* unscale, cudaStream_t stream);

// Squared lengths of rows outside a subspace: x has the centred rows, `within`, where x lies (null: 0), their
// parts in it, `mean_outside` [cols] (null: 0) that of the mean outside. Row i's four numbers go to out[i *
// out_stride + 0 ... 3]: plain, normalized, centred, centred_normalized, as SubspaceResiduals. norms as of
// convert_rows, or own_scale_rows, whose rows are not centred.
cudaError_t outside_rows(const DeviceMatrix& x, const double* within, const double* mean_outside,
                         const RowNorms& norms, double* out, std::size_t out_stride, cudaStream_t stream);

// out[i * out_stride] = |y_i - target_mean - what the map makes of h_i - mean, or of h_i|^2; mapped [rows, n]
// has what it makes of the rows, mapped_mean [n] of the mean; y [rows, n].
cudaError_t map_errors(const DeviceMatrix& mapped, const double* mapped_mean, bool about_mean,
                       const RowNorms& norms, const double* y, const double* target_mean, double* out,
                       std::size_t out_stride, cudaStream_t stream);

// out[i * out_stride] = 1 where norm[i] <= least, else 0.
cudaError_t mark_at_most(const double* norm, std::size_t rows, double least, double* out,
                         std::size_t out_stride, cudaStream_t stream);

// Whether look_rows should project rows of d numbers on so many directions: where registers hold the
// coordinates and the first-level cache holds the maps, or there are so few that it need not.
[[nodiscard]] inline bool is_for_one_look(std::size_t directions, std::size_t d) {
  return directions <= 16 || (directions <= most_look_directions && directions * d <= most_cached_maps);
}

// A second look at rows as stored: all that it sums of every row. from.rows, from.cols as of look.maps.
cudaError_t look_rows(const StoredRows& from, const LookArguments& look, const FiniteCheck& check,
                      cudaStream_t stream);

// Doubles of workspace that class_sums needs for runs of a part.
[[nodiscard]] inline std::size_t class_workspace(std::size_t chunks, std::size_t cols) {
  return chunks * cols;
}

// table [classes, cols] += the sums of rows of each class, `mean` [from.cols] (null: 0) added to each row.
// last: a further column, of row i at last[i * last_stride] (null: none); cols is from.cols, or one more.
// Same bits every time.
cudaError_t class_sums(const ClassRuns& runs, const DeviceMatrix& from, const double* last,
                       std::size_t last_stride, const double* mean, double* workspace, double* table,
                       cudaStream_t stream);

// to (null: not wanted) = from less means[number] [., from.cols] (null: 0); square[i * square_stride] = its
// squared length. `to` lies as `from` does, which it may be. numbers [from.rows]: whole ones.
cudaError_t class_rests(const DeviceMatrix& from, const double* numbers, const double* means, double* to,
                        double* square, std::size_t square_stride, cudaStream_t stream);

// search.best [search.scores.rows]: of the vectors up to the last of this block the nearest to x, or the one
// that scores highest with the rows as stored; blocks in order, the first has search.first = 0.
cudaError_t nearest_vectors(const BestSearch& search, cudaStream_t stream);
cudaError_t highest_vectors(const BestSearch& search, const StoredRows& rows, cudaStream_t stream);

// own[i * stride], unlike[i * stride]: 1 or 0. chosen null: there is no classifier.
cudaError_t count_nearest(const double* numbers, const double* nearest, const double* chosen,
                          const double* weight_rows, std::size_t rows, double* own, double* unlike,
                          std::size_t stride, cudaStream_t stream);

// to (+= when adds) = the sum over slices of from [slices, count], in order.
cudaError_t sum_slices(double* to, const double* from, std::size_t slices, std::size_t count, bool adds,
                       cudaStream_t stream);
// The same of floats, summed in float64, over *scale squared (null: 1).
cudaError_t sum_float_slices(double* to, const float* from, std::size_t slices, std::size_t count,
                             const double* scale, bool adds, cudaStream_t stream);
// mean [d + n]: of all parts, about what the records' means are about; share [parts] of the rows.
cudaError_t part_means(const PartRecords& records, const double* share, double* mean, cudaStream_t stream);
// to [parts, >= d + n] = weight [parts] times the parts' means less `mean`, and zeros.
cudaError_t between_parts(const PartRecords& records, const double* weight, const double* mean,
                          const DeviceMatrix& to, cudaStream_t stream);
// A part's mean [cols], about what `centre` [cols] (null: 0) is about, and its offset from the centre, by
// column sums of the part's rows about the centre: what sums [slices, size] have in their first `cols`
// numbers, less `before` (at first: 0), which becomes that. `mean` may be the centre.
cudaError_t offset_means(const ColumnSumsOfParts& sums, const double* centre, double* mean, double* offset,
                         cudaStream_t stream);
// to [parts, d] = weight [parts] times the parts' offsets, which lie behind their means of x.
cudaError_t part_offsets(const PartRecords& records, const double* weight, const DeviceMatrix& to,
                         cudaStream_t stream);
// to [count] = from / first / second.
cudaError_t divide_twice(const double* from, double* to, std::size_t count, double first, double second,
                         cudaStream_t stream);
// Row i *= factor[i].
cudaError_t scale_rows(const DeviceMatrix& rows, const double* factor, cudaStream_t stream);
// The diagonal of [n, n] += by.
cudaError_t shift_diagonal(double* square, std::size_t n, double by, cudaStream_t stream);
// The other triangle: upper = lower^T of [n, n] row-major.
cudaError_t mirror_lower(double* square, std::size_t n, cudaStream_t stream);

}  // namespace collapscope::kernels
