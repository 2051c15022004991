// The labels of a classification: read from integers, whole floats or one-hot rows, and numbered as classes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/dump/dump.hpp"

namespace collapscope {

// The classes of a checkpoint: the labels that occur, in ascending order.
class ClassLabels {
 public:
  // Throws InputError for what is no label, with the first such row, and where no row has one.
  // ignored: rows with this label count as absent. positions: labels of a sample, one for each position.
  // of_positions: said of them where no one-hot row is found.
  ClassLabels(const std::vector<DatasetIndex>& shards, std::optional<std::int64_t> ignored,
              std::size_t positions, const std::string& of_positions);

  [[nodiscard]] std::size_t size() const { return labels_.size(); }
  [[nodiscard]] const std::vector<std::int64_t>& labels() const { return labels_; }
  // Samples of each, or positions.
  [[nodiscard]] const std::vector<std::uint64_t>& counts() const { return counts_; }
  // What is left out of them.
  [[nodiscard]] std::uint64_t ignored() const { return ignored_samples_; }
  // Labels of a sample: one, or one for each position.
  [[nodiscard]] std::size_t positions() const { return positions_; }

  // What a target is where a sample is left out.
  static constexpr double left_out = -1;
  // The classes' numbers of stored samples, or `left_out`. Labels must be known.
  void number(std::span<const std::byte> stored, std::span<double> out) const;

 private:
  ElementType element_;
  std::size_t columns_ = 1;  // numbers of a sample as it is stored
  std::size_t positions_ = 1;
  std::optional<std::int64_t> ignored_;
  std::uint64_t ignored_samples_ = 0;
  std::vector<std::int64_t> labels_;
  std::vector<std::uint64_t> counts_;
};

// Labels of a sample of a classification: T where targets [N, T] are integers and a layer takes each of T
// positions as a row; else 1.
[[nodiscard]] std::size_t label_positions(const CheckpointIndex& checkpoint, std::optional<Pool> pool);

// Those of a checkpoint's shards.
[[nodiscard]] std::shared_ptr<const ClassLabels> labels_of(const Checkpoint& checkpoint,
                                                           const AnalysisOptions& options);

// Numbers per sample.
[[nodiscard]] std::size_t columns_of(const DatasetIndex& targets);

}  // namespace collapscope
