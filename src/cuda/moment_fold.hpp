// The first look on a GPU: rows about a pilot, the mean of the first ones, and about a centre near their
// part's mean. At the end what the offsets of the means from the centres have added is taken away, and what
// lies between the parts' means is added.
//
// So that rows are read once, a part's centre is the mean of the part before it, and its own mean comes out
// of the products, which a column of ones takes part in. That takes no digits: with r rows of it, and as many
// at least before it, r offset offset^T is at most four times what the two parts add to the scatter. A part
// of more rows has its own mean as its centre. So has each where products of features are not float64's
// own: Precision::fast, which rounds x to float for x^T x, and Precision::float64_emulated. Their diagonals
// are summed in float64, too.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
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
  // With rows that are kept.
  [[nodiscard]] bool brings_ahead() const override { return feed_.keeps(); }
  void bring(const RawTile& tile, MatrixView<const double> targets) override;
  void sum_brought() override;
  void settle() override;
  [[nodiscard]] Moments finish() override;
  [[nodiscard]] std::shared_ptr<const OnDevice> take_scatter() override { return std::move(scatter_); }
  void close() override;
  [[nodiscard]] std::optional<std::vector<ResidualSums>> look_again(const LookSpec& spec) override;

 private:
  // Buffers of one part: x [rows, d], and beside it `right` [rows, n + 5] with the columns y', a, b, ones,
  // |h| and the zero flag; unit [rows, d]; workspace of column sums.
  struct Work {
    Work(const Device& device, const FoldSpec& spec, std::size_t rows);
    DeviceBuffer<double> x;
    DeviceBuffer<double> stats;  // [3, rows]: |h|, the zero flag, a
    DeviceBuffer<double> unit;
    DeviceBuffer<double> sums;
    DeviceBuffer<float> floats;  // [rows, d] when they are multiplied
  };
  // Sums of x^T x, [y', a, b, 1]^T x, [y', a, b]^T [y', a, b] and unit^T unit: of the current group of parts,
  // and below `total` of those before it, one after another. Small ones of the first two are one product.
  struct Sums {
    Sums(const Device& device, const FoldSpec& spec);
    Sums(const Device& device, const FoldSpec& spec, std::size_t d, bool fast, bool emulated);
    ProductSum joint;  // the first two
    ProductSum gram;   // these two, or those of floats
    ProductSum unit;
    FloatGramSum float_gram;
    FloatGramSum float_unit;
    ProductSum cross;
    ProductSum right;
    DeviceBuffer<double> total;
    bool has_total = false;
  };

  // A tile that is not summed yet.
  struct Brought {
    std::vector<DeviceRows> parts;
    std::vector<MomentClasses::Count> classes;
  };

  [[nodiscard]] std::optional<Brought> next_brought();
  void require_fit(const RawTile& tile, MatrixView<const double> targets) const;
  void fold(const DeviceRows& rows);
  void choose_pilot(const DeviceRows& rows);
  // Of the part that comes next; null: the pilot.
  const double* choose_centre(const DeviceRows& rows);
  void take_mean(const double* centre, std::size_t rows);
  void add_floats(const kernels::DeviceMatrix& x, const double* scale, FloatGramSum& sum);
  void begin_segment();
  void close_group();
  void add_between_parts();
  // The sums and the log come down.
  std::vector<double> take_sums(Moments& moments);
  void take_diagonals(const std::vector<double>& log, Moments& moments) const;
  void take_records(const std::vector<double>& log, Moments& moments) const;
  // Columns of `right`, and those that are multiplied.
  [[nodiscard]] std::size_t beside() const { return n_ + 5; }
  [[nodiscard]] std::size_t factors() const { return n_ + 3; }
  [[nodiscard]] bool fast() const { return spec_.precision == Precision::fast; }
  // Whether products of features are not float64's own.
  [[nodiscard]] bool measured() const { return spec_.precision != Precision::float64; }
  [[nodiscard]] std::size_t record_size() const {
    const std::size_t squares = spec_.normalized_scatter ? 2 : 1;
    return padded(2 * d_ + 2 * beside() + (measured() ? squares * d_ : 0));
  }
  // Where the log has what; the first two numbers are for the first sample with a NaN or Inf.
  [[nodiscard]] std::size_t pilot_at() const { return 2; }
  [[nodiscard]] std::size_t mean_at() const { return pilot_at() + padded(d_ + n_); }
  [[nodiscard]] std::size_t record_at(std::size_t part) const {
    return mean_at() + padded(d_ + n_) + part * record_size();
  }
  [[nodiscard]] double* pilot() const { return log_.data() + pilot_at(); }
  [[nodiscard]] kernels::DeviceMatrix x(std::size_t rows) const {
    return {work_->x.data(), rows, d_, padded(d_ + beside())};
  }
  [[nodiscard]] kernels::DeviceMatrix right(std::size_t rows) const {
    return {work_->x.data() + d_, rows, beside(), padded(d_ + beside())};
  }

  const Device& device_;
  FoldSpec spec_;
  std::size_t part_rows_;
  std::size_t d_;
  std::size_t n_;
  std::size_t most_parts_;
  RowFeed feed_;
  // What a segment leaves beside its sums. For all of it: the pilot of x [d] and y [n]; the means about it.
  // Of every part, its record: the mean of x about the pilot and its offset from the centre [d] each; the
  // sums of right's columns, and their means [n + 5] each; fast: the sums of squares of x and of unit [d]
  // each.
  DeviceBuffer<double> log_;
  RowSource source_;
  std::optional<Work> work_;  // until `close`
  std::optional<Sums> sums_;
  std::optional<MomentClasses> classes_;  // of classification
  DeviceBuffer<double> scale_;            // of x as floats
  DeviceBuffer<double> between_;          // [parts, d + n + 3]
  DeviceBuffer<double> column_sums_;      // of x in the group's parts so far [d]
  DeviceBuffer<double> shares_;           // [2, parts]: of the segment's rows, and roots of rows
  PinnedBuffer<double> staged_shares_;
  PinnedBuffer<double> staging_;
  std::mutex bringing_;  // of `brought_`, for two threads
  std::deque<Brought> brought_;
  std::size_t parts_in_group_ = 0;
  std::vector<std::size_t> rows_of_part_;
  std::shared_ptr<const OnDevice> scatter_;  // of the segment, where it stays
  std::vector<std::size_t> kept_ends_;       // kept parts up to the end of every finished segment
  Drained drained_;
};

}  // namespace collapscope::cuda
