// The second look on a GPU: each row's part outside a subspace, formed and then squared.
#pragma once

#include "collapscope/backend/backend.hpp"
#include "cuda/products.hpp"
#include "cuda/row_feed.hpp"
#include "cuda/rows_on_device.hpp"

namespace collapscope::cuda {

// Rows that are on the device already.
class ResidualPass {
 public:
  // part_rows: rows of a part, at most. Throws DeviceMemoryError.
  ResidualPass(const Device& device, LookSpec spec, std::size_t part_rows);
  ~ResidualPass() { device_.drain(); }
  ResidualPass(const ResidualPass&) = delete;
  ResidualPass& operator=(const ResidualPass&) = delete;

  void add(const DeviceRows& rows);
  // Ends a segment; the next rows begin another one.
  [[nodiscard]] ResidualSums finish();

 private:
  static constexpr std::size_t norm_stride = 3;

  // Host values on the device.
  struct Constants {
    Constants(const Device& device, const LookSpec& spec);
    DeviceBuffer<double> maps;                 // [k + r + 2n, d]: signal, weight, affine, published
    DeviceBuffer<double> feature_mean;         // [d]
    DeviceBuffer<double> target_mean;          // [n]
    DeviceBuffer<double> mean_coordinates;     // maps times the feature mean
    DeviceBuffer<double> signal_mean_outside;  // the feature mean's part outside [d]
    DeviceBuffer<double> weight_mean_outside;
  };

  void add_outside(const kernels::DeviceMatrix& x, const kernels::DeviceMatrix& coordinates,
                   const double* basis, const double* mean_outside, double* out);
  void flush();
  [[nodiscard]] kernels::RowNorms norms() const {
    return {norms_.data(), norms_.data() + 1, norm_stride, norms_.data() + 2};
  }

  const Device& device_;
  LookSpec spec_;
  std::size_t part_rows_;
  std::size_t d_;
  std::size_t n_;
  std::size_t map_rows_;
  RowSource source_;
  Constants constants_;
  DeviceBuffer<double> x_;            // [rows, d]
  DeviceBuffer<double> outside_;      // [rows, d]
  DeviceBuffer<double> coordinates_;  // [rows, map_rows]
  DeviceBuffer<double> norms_;        // [rows, 3]: |h|, |h - mean|, what takes rows with their own scale back
  DeviceBuffer<double> values_;       // [rows, 11]: what is summed
  DeviceBuffer<double> workspace_;
  DeviceBuffer<double> records_;  // sums of the parts since the last flush
  std::size_t waiting_ = 0;       // such parts
  ResidualSums sums_;
};

class CudaResidualFold final : public ResidualFold {
 public:
  CudaResidualFold(const Device& device, const LookSpec& spec, std::size_t part_rows);
  ~CudaResidualFold() override { device_.drain(); }
  CudaResidualFold(const CudaResidualFold&) = delete;
  CudaResidualFold& operator=(const CudaResidualFold&) = delete;

  void add(const RawTile& tile, MatrixView<const double> targets) override;
  void settle() override;
  [[nodiscard]] ResidualSums finish() override;

 private:
  const Device& device_;
  std::size_t targets_;
  RowFeed feed_;
  ResidualPass pass_;
};

}  // namespace collapscope::cuda
