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
  // Throws DeviceMemoryError.
  RowSource(const RowFormat& format, std::size_t part_rows);

  // Makes `rows` the current ones; pools them where the format asks.
  void set(const Device& device, const DeviceRows& rows);
  // x = h - shift [d] (null: h), with statistics.
  void convert(const Device& device, const double* shift, const kernels::DeviceMatrix& x,
               const kernels::RowStats& stats) const;
  // After `convert` about the mean: rows that need it get their own scale.
  void own_scale(const Device& device, const kernels::DeviceMatrix& x, double* norm,
                 const double* centred_norm, double* unscale, std::size_t stride) const;
  // unit = h / |h|
  void normalize(const Device& device, const double* norm, std::size_t norm_stride,
                 const kernels::DeviceMatrix& unit) const;

  // Before the first `set`.
  void clear_check(const Device& device);
  // Waits for the device; throws NonFiniteSample when a row had a NaN or Inf.
  void throw_if_not_finite(const Device& device) const;

 private:
  RowFormat format_;
  DeviceBuffer<double> pooled_;  // [rows, d]
  DeviceBuffer<std::uint64_t> first_bad_;
  kernels::StoredRows current_;
  kernels::FiniteCheck check_;
};

}  // namespace collapscope::cuda
