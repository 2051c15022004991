// Products of row-major device matrices with cuBLAS, in float64 and in float32.
#pragma once

#include <cstddef>

#include "cuda/device.hpp"
#include "launchers.hpp"

namespace collapscope::cuda {

using kernels::DeviceMatrix;

// `rows` of x from row `first` on.
[[nodiscard]] inline DeviceMatrix middle_rows(const DeviceMatrix& x, std::size_t first, std::size_t rows) {
  return {x.data + first * x.stride, rows, x.cols, x.stride};
}
[[nodiscard]] inline DeviceMatrix middle_cols(const DeviceMatrix& x, std::size_t first, std::size_t cols) {
  return {x.data + first, x.rows, cols, x.stride};
}

// c = a b^T (+ c); a [r, p], b [q, p], c [r, q].
void multiply_transposed(const Device& device, const DeviceMatrix& a, const DeviceMatrix& b,
                         const DeviceMatrix& c);

// c = a b; a [r, p], b [p, q], c [r, q].
void multiply(const Device& device, const DeviceMatrix& a, const DeviceMatrix& b, const DeviceMatrix& c);

// The running sum of x^T y over tiles of rows: a matrix [p, q], or several slices of it, each summing its
// share of every tile's rows, so that small products fill the device.
class ProductSum {
 public:
  ProductSum() = default;
  // symmetric: y is always x; only the lower triangle of row-major storage is meaningful before `mirror`.
  // emulated: as Precision::float64_emulated says, of x with itself.
  ProductSum(const Device& device, std::size_t p, std::size_t q, bool symmetric, bool emulated = false);

  // Adds x^T y; the first call after `restart` overwrites. y.rows = x.rows.
  void add(const Device& device, const DeviceMatrix& x, const DeviceMatrix& y);
  // What is summed so far goes to `total` (added when `adds`), and the sum starts anew.
  void move_to(const Device& device, double* total, bool adds);
  [[nodiscard]] std::size_t size() const { return p_ * q_; }
  // What is summed so far, to be added up: so many slices, `size` numbers each. Something has been.
  [[nodiscard]] std::size_t slices() const { return slices_; }
  [[nodiscard]] const double* data() const { return sums_.data(); }

 private:
  void add_slices(const Device& device, const DeviceMatrix& x, const DeviceMatrix& y, std::size_t rows);
  void add_whole(const Device& device, const DeviceMatrix& x, const DeviceMatrix& y, double beta);

  std::size_t p_ = 0;
  std::size_t q_ = 0;
  bool symmetric_ = false;
  bool emulated_ = false;
  std::size_t slices_ = 1;
  bool empty_ = true;
  bool cleared_ = false;       // once: nothing is summed into the other triangle of a whole product
  DeviceBuffer<double> sums_;  // [slices, p, q]
};

// Throws UsageError where cuBLAS has no emulated products.
void require_emulation(const Device& device);

// Whether x^T y [p, q] is so small that it is summed in slices, by products of general matrices.
[[nodiscard]] bool is_sliced(std::size_t p, std::size_t q);

// c = kept * c + factor * x^T x, where only the lower triangle of row-major storage counts.
void add_gram(const Device& device, const DeviceMatrix& x, double* c, double factor = 1, double kept = 1);

// The running sum of x^T x in float64 over tiles of rows that were rounded to float after a scaling: sums of
// about 1024 rows are float32. cuBLAS computes in float32 (default math: no TF32).
class FloatGramSum {
 public:
  FloatGramSum() = default;
  FloatGramSum(const Device& device, std::size_t p);

  // Adds x^T x / *scale^2 (scale null: 1), scale being in device memory.
  void add(const Device& device, const kernels::FloatMatrix& x, const double* scale);
  // As ProductSum's.
  void move_to(const Device& device, double* total, bool adds);
  [[nodiscard]] std::size_t size() const { return p_ * p_; }

 private:
  void add_some(const Device& device, const kernels::FloatMatrix& x, const double* scale);

  std::size_t p_ = 0;
  std::size_t slices_ = 1;
  bool empty_ = true;
  bool cleared_ = false;          // as ProductSum's
  DeviceBuffer<float> products_;  // [slices, p, p]
  DeviceBuffer<double> sum_;      // [p, p]
};

}  // namespace collapscope::cuda
