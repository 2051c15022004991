// The second look of classification on a GPU: each row less the mean of its class, formed and then squared;
// and which class mean is nearest.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "collapscope/backend/backend.hpp"
#include "core/class_scores.hpp"
#include "cuda/class_table.hpp"
#include "cuda/products.hpp"
#include "cuda/row_feed.hpp"
#include "cuda/rows_on_device.hpp"
#include "cuda/transfers.hpp"

namespace collapscope::cuda {

// Rows that are on the device already.
class ClassPass {
 public:
  static constexpr std::size_t record = 4;  // numbers that a part leaves

  // feature_mean: [d], on the device. part_rows: rows of a part, at most. Throws DeviceMemoryError.
  ClassPass(const Device& device, const LookSpec& spec, const double* feature_mean, std::size_t part_rows);

  // source: has these rows. Their record goes to `to` on the device.
  void add(const DeviceRows& rows, const RowSource& source, double* to);
  // What a record adds, on the host.
  static void take_record(const double* numbers, ClassResiduals& sums);
  // Ends a segment: adds what was summed for each class.
  void finish(ClassResiduals& sums);

 private:
  // Vectors of which one is found for each row.
  struct Candidates {
    std::size_t count = 0;
    const double* vectors = nullptr;  // [count, d]
    ClassScores scores;
    DeviceBuffer<double> offsets;  // [count]
    DeviceBuffer<double> biases;   // [count]; empty: none
    DeviceBuffer<double> best;     // [3, rows]: score, value, number
  };

  template <class Number>
  [[nodiscard]] DeviceBuffer<double> sent(std::span<const Number> numbers) const;
  [[nodiscard]] DeviceBuffer<double> sent(const std::vector<double>& numbers) const {
    return sent(std::span(numbers));
  }
  [[nodiscard]] DeviceBuffer<double> sent(const std::shared_ptr<const StoredMatrix>& matrix) const;
  [[nodiscard]] Candidates candidates(const StoredRows& rows, const double* on_device, ClassScores scores,
                                      std::span<const double> biases) const;
  [[nodiscard]] std::size_t along_cols() const;
  void add_whitened(const kernels::DeviceMatrix& rest, const DeviceBuffer<double>& whitening,
                    std::size_t rank, std::size_t column);
  void find(const kernels::DeviceMatrix& x, const Candidates& among, const RowSource* source);
  [[nodiscard]] double* values(std::size_t column) const { return values_.data() + column; }

  const Device& device_;
  std::shared_ptr<const ClassLook> look_;
  std::size_t d_;
  std::size_t part_rows_;
  const double* feature_mean_;
  PinnedBuffer<double> staging_;
  DeviceBuffer<double> means_;  // [K, d]
  DeviceBuffer<double> whitening_;
  DeviceBuffer<double> whitening_by_rows_;
  DeviceBuffer<double> unit_means_;
  DeviceBuffer<double> unit_whitening_;
  DeviceBuffer<double> weight_;  // [m, d]
  DeviceBuffer<double> weight_rows_;
  std::optional<Candidates> nearest_;
  std::optional<Candidates> chosen_;
  DeviceBuffer<double> x_;       // [rows, d], about the mean
  DeviceBuffer<double> rest_;    // [rows, d]
  DeviceBuffer<double> along_;   // [rows, .]: coordinates, scores
  DeviceBuffer<double> norms_;   // [rows, 2]: |h|, |h - mean|
  DeviceBuffer<double> values_;  // [rows, 6]: what is summed
  DeviceBuffer<double> workspace_;
  ClassTable of_classes_;  // [K, 2]: |r|^2, rows nearest to their own mean
  bool has_begun_ = false;
};

}  // namespace collapscope::cuda
