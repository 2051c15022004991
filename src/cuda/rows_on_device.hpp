// The beginning of both looks: rows as stored, pooled where they must be, become float64 about a shift.
#pragma once

#include "cuda/row_feed.hpp"
#include "launchers.hpp"

namespace collapscope::cuda {

// Doubles from row to row: even, so that rows begin on 16 bytes.
[[nodiscard]] inline std::size_t padded(std::size_t cols) { return (cols + 1) / 2 * 2; }

class RowSource {
 public:
  RowSource() = default;
  // first_bad: room on the device for the first sample that has a NaN or Inf. Throws DeviceMemoryError.
  RowSource(const Device& device, const RowFormat& format, std::size_t part_rows, double* first_bad);

  // Makes `rows` the current ones; pools them where the format asks.
  void set(const Device& device, const DeviceRows& rows);
  // mean [d] of h - shift (null: h); workspace as for kernels::column_sums.
  void mean(const Device& device, const double* shift, double* workspace, double* mean) const;
  // x = h - shift - mean [d] (null: none), with statistics of h - shift.
  void convert(const Device& device, const double* shift, const double* mean, const kernels::DeviceMatrix& x,
               const kernels::RowStats& stats) const;
  // After `convert` about the mean: rows that need it get their own scale.
  void own_scale(const Device& device, const kernels::DeviceMatrix& x, double* norm,
                 const double* centred_norm, double* unscale) const;
  // Of a second look at rows that are projected on few directions, all that it sums.
  void look(const Device& device, const kernels::LookArguments& look) const;
  // As kernels::highest_vectors.
  void choose(const Device& device, const kernels::BestSearch& search) const;
  // unit = h / |h|
  void normalize(const Device& device, const double* norm, const kernels::DeviceMatrix& unit) const;

  // Before the first `set`.
  void clear_check(const Device& device);
  // first_bad: what came down of it. Throws NonFiniteSample when a row had a NaN or Inf.
  static void throw_if_not_finite(double first_bad);

 private:
  RowFormat format_;
  DeviceBuffer<double> pooled_;  // [rows, d]
  std::uint64_t* first_bad_ = nullptr;
  kernels::StoredRows current_;
  kernels::FiniteCheck check_;
};

}  // namespace collapscope::cuda
