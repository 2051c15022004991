// The second look on a GPU: each row's part outside a subspace, formed and then squared.
#pragma once

#include "collapscope/backend/backend.hpp"
#include "cuda/class_pass.hpp"
#include "cuda/products.hpp"
#include "cuda/row_feed.hpp"
#include "cuda/rows_on_device.hpp"
#include "cuda/transfers.hpp"

namespace collapscope::cuda {

// Rows that are on the device already.
class ResidualPass {
 public:
  // part_rows: rows of a part, at most. Throws DeviceMemoryError.
  ResidualPass(const Device& device, LookSpec spec, std::size_t part_rows);

  void add(const DeviceRows& rows);
  // Ends a segment; the next rows begin another one. What it has given may not be here yet.
  void end_segment();
  // What has come of all segments that were ended since the last call, in order.
  [[nodiscard]] std::vector<ResidualSums> take();

 private:
  // Host values on the device, which go up in one copy.
  struct Constants {
    Constants(const Device& device, const LookSpec& spec);
    void send(const Device& device) const;
    PinnedBuffer<double> staged;
    DeviceBuffer<double> all;
    // Where they lie there.
    std::size_t maps = 0;                 // [k + r + 2n, d]: signal, weight, affine, published
    std::size_t feature_mean = 0;         // [d]
    std::size_t target_mean = 0;          // [n]
    std::size_t mean_coordinates = 0;     // maps times the feature mean
    std::size_t signal_mean_outside = 0;  // the feature mean's part outside [d]
    std::size_t weight_mean_outside = 0;
  };

  [[nodiscard]] std::size_t record_size() const;
  [[nodiscard]] const double* constant(std::size_t at) const { return constants_.all.data() + at; }
  // What is summed of every row, to `values_`: in one pass where there are few directions, else in several.
  void look_at(const DeviceRows& rows);
  void look_in_passes(const DeviceRows& rows);
  void add_outside(const kernels::DeviceMatrix& x, const kernels::DeviceMatrix& coordinates,
                   const double* basis, const double* mean_outside, double* out);
  void begin_segment();  // unless one has begun
  void flush();
  // Rows at most so far from the mean lie at it.
  [[nodiscard]] double least_norm() const;
  // |h|, |h - mean|, what takes a row's own scale back [part_rows].
  [[nodiscard]] double* norms(std::size_t column) const { return norms_.data() + column * part_rows_; }
  [[nodiscard]] kernels::RowNorms norms() const { return {norms(0), norms(1), norms(2)}; }

  const Device& device_;
  LookSpec spec_;
  std::size_t part_rows_;
  std::size_t d_;
  std::size_t n_;
  std::size_t map_rows_;
  bool in_one_pass_;
  Constants constants_;
  // Of several passes.
  DeviceBuffer<double> x_;            // [rows, d]
  DeviceBuffer<double> within_;       // [rows, d]: of rows, what lies in a subspace
  DeviceBuffer<double> coordinates_;  // [rows, map_rows]
  DeviceBuffer<double> norms_;        // [rows, 3]: |h|, |h - mean|, what takes rows with their own scale back
  DeviceBuffer<double> values_;       // [rows, 11]: what is summed
  DeviceBuffer<double> workspace_;
  DeviceBuffer<double>
      records_;  // the first sample with a NaN or Inf; sums of the parts since the last flush
  PinnedBuffer<double> staging_;  // for them
  RowSource source_;
  std::vector<std::size_t> waiting_;  // such parts: the segment of each
  bool is_checked_ = false;           // for NaN and Inf, since the last `take`
  bool has_begun_ = false;            // a segment
  std::optional<ClassPass> classes_;  // of classification
  std::vector<ResidualSums> sums_;    // of each segment
  Drained drained_;
};

class CudaResidualFold final : public ResidualFold {
 public:
  CudaResidualFold(const Device& device, const LookSpec& spec, std::size_t part_rows, TargetStores& targets);

  void add(const RawTile& tile, MatrixView<const double> targets) override;
  void settle() override;
  [[nodiscard]] ResidualSums finish() override;

 private:
  const Device& device_;
  std::size_t targets_;  // of a row
  std::size_t classes_;
  RowFeed feed_;
  ResidualPass pass_;
  Drained drained_;
};

}  // namespace collapscope::cuda
