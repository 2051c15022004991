// Products of row-major device matrices with cuBLAS, in float64.
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

// c -= a b; a [r, p], b [p, q], c [r, q].
void subtract_product(const Device& device, const DeviceMatrix& a, const DeviceMatrix& b,
                      const DeviceMatrix& c);

// The running sum of x^T y over tiles of rows: a matrix [p, q], or several slices of it, each summing its
// share of every tile's rows, so that small products fill the device.
class ProductSum {
 public:
  ProductSum() = default;
  // symmetric: y is always x; only the lower triangle of row-major storage is meaningful before `mirror`.
  ProductSum(std::size_t p, std::size_t q, bool symmetric);

  // Adds x^T y; the first call after `restart` overwrites. y.rows = x.rows.
  void add(const Device& device, const DeviceMatrix& x, const DeviceMatrix& y);
  // What is summed so far goes to `total` (added when `adds`), and the sum starts anew.
  void move_to(const Device& device, double* total, bool adds);
  [[nodiscard]] std::size_t size() const { return p_ * q_; }

 private:
  void add_slices(const Device& device, const DeviceMatrix& x, const DeviceMatrix& y, std::size_t rows);
  void add_whole(const Device& device, const DeviceMatrix& x, const DeviceMatrix& y, double beta);

  std::size_t p_ = 0;
  std::size_t q_ = 0;
  bool symmetric_ = false;
  std::size_t slices_ = 1;
  bool empty_ = true;
  DeviceBuffer<double> sums_;  // [slices, p, q]
};

}  // namespace collapscope::cuda
