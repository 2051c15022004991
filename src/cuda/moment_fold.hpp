// The first look on a GPU. As on the CPU: rows about a pilot, then about their part's mean; what lies between
// the parts' means is added at the end. Precision::fast rounds x to float for x^T x and sums its diagonal in
// float64, too.
#pragma once

#include <optional>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "cuda/moment_classes.hpp"
#include "cuda/products.hpp"
#include "cuda/row_feed.hpp"
#include "cuda/rows_on_device.hpp"
#include "cuda/transfers.hpp"

namespace collapscope::cuda {

class CudaMomentFold final : public MomentFold {
 public:
  // part_rows: rows worked on at a time. Throws DeviceMemoryError.
  CudaMomentFold(const Device& device, const FoldSpec& spec, std::size_t part_rows, TargetStores& targets);

  void add(const RawTile& tile, MatrixView<const double> targets) override;
  void settle() override;
  [[nodiscard]] Moments finish() override;
  void close() override;
  [[nodiscard]] std::optional<std::vector<ResidualSums>> look_again(const LookSpec& spec) override;

 private:
  // Buffers of one part: x [rows, d], unit [rows, d], right [rows, n + 4] with the columns y', a, b, |h| and
  // the zero flag; workspace of column sums.
  struct Work {
    Work(const Device& device, const FoldSpec& spec, std::size_t rows);
    DeviceBuffer<double> x;
    DeviceBuffer<double> unit;
    DeviceBuffer<double> right;
    DeviceBuffer<double> sums;
    DeviceBuffer<float> floats;  // [rows, d] when they are multiplied
  };
  // Sums of x^T x, x^T [y', a, b], [y', a, b]^T [y', a, b] and unit^T unit: of the current group of parts,
  // and below `total` of those before it, one after another.
  struct Sums {
    Sums(const Device& device, const FoldSpec& spec);
    Sums(const Device& device, const FoldSpec& spec, std::size_t d, bool fast);
    ProductSum gram;  // these two, or those of floats
    ProductSum unit;
    FloatGramSum float_gram;
    FloatGramSum float_unit;
    ProductSum cross;
    ProductSum right;
    DeviceBuffer<double> total;
    bool has_total = false;
  };

  void fold(const DeviceRows& rows);
  void choose_pilot(const DeviceRows& rows);
  void add_floats(const kernels::DeviceMatrix& x, const double* scale, FloatGramSum& sum);
  void begin_segment();
  void close_group();
  void add_between_parts();
  // The sums and the log come down.
  std::vector<double> take_sums(Moments& moments);
  void take_diagonals(const std::vector<double>& log, Moments& moments) const;
  void take_records(const std::vector<double>& log, Moments& moments) const;
  [[nodiscard]] bool fast() const { return spec_.precision == Precision::fast; }
  [[nodiscard]] std::size_t record_size() const {
    const std::size_t squares = spec_.normalized_scatter ? 2 : 1;
    return padded(d_ + 2 * (n_ + 4) + (fast() ? squares * d_ : 0));
  }
  // Where the log has what; the first two numbers are for the first sample with a NaN or Inf.
  [[nodiscard]] std::size_t pilot_at() const { return 2; }
  [[nodiscard]] std::size_t mean_at() const { return pilot_at() + padded(d_ + n_); }
  [[nodiscard]] std::size_t record_at(std::size_t part) const {
    return mean_at() + padded(d_ + n_) + part * record_size();
  }
  [[nodiscard]] double* pilot() const { return log_.data() + pilot_at(); }
  [[nodiscard]] kernels::DeviceMatrix x(std::size_t rows) const {
    return {work_->x.data(), rows, d_, padded(d_)};
  }
  [[nodiscard]] kernels::DeviceMatrix right(std::size_t rows) const {
    return {work_->right.data(), rows, n_ + 4, padded(n_ + 4)};
  }

  const Device& device_;
  FoldSpec spec_;
  std::size_t part_rows_;
  std::size_t d_;
  std::size_t n_;
  std::size_t most_parts_;
  RowFeed feed_;
  // What a segment leaves beside its sums. For all of it: the pilot of x [d] and y [n]; the means about it.
  // Of every part, its record: the mean of x [d]; the sums of right's columns, and their means [n + 4] each;
  // fast: the sums of squares of x and of unit [d] each.
  DeviceBuffer<double> log_;
  RowSource source_;
  std::optional<Work> work_;  // until `close`
  std::optional<Sums> sums_;
  std::optional<MomentClasses> classes_;  // of classification
  DeviceBuffer<double> scale_;            // of x as floats
  DeviceBuffer<double> between_;          // [parts, d + n + 2]
  DeviceBuffer<double> shares_;           // [2, parts]: of the segment's rows, and roots of rows
  PinnedBuffer<double> staged_shares_;
  PinnedBuffer<double> staging_;
  std::size_t parts_in_group_ = 0;
  std::vector<std::size_t> rows_of_part_;
  std::vector<std::size_t> kept_ends_;  // kept parts up to the end of every finished segment
  Drained drained_;
};

}  // namespace collapscope::cuda
