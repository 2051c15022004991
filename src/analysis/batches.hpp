// Rows that come in batches of any size, cut into tiles and segments as an analysis of them all would.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "analysis/labels.hpp"
#include "collapscope/backend/backend.hpp"
#include "core/segment_tree.hpp"

namespace collapscope {

// AnyFold: MomentFold or ResidualFold, whose sums are Value.
template <class AnyFold, class Value>
class Batches {
 public:
  // For rows of d features in `row_bytes` each and n targets. Folds are for segments of segment_rows.
  // classes: K of classification, whose one target is a class's number, or ClassLabels::left_out.
  Batches(const Backend& backend, std::size_t features, std::size_t row_bytes, std::size_t targets,
          std::uint64_t classes = 0)
      : tile_rows_(backend.tile_rows(features)),
        segment_rows_(segment_length(backend, features, classes)),
        row_bytes_(row_bytes),
        may_leave_out_(classes > 0),
        waiting_(tile_rows_ * row_bytes),
        waiting_targets_(tile_rows_, targets) {}

  [[nodiscard]] std::uint64_t segment_rows() const { return segment_rows_; }
  // That were added.
  [[nodiscard]] std::uint64_t rows() const { return rows_ + waiting_rows_; }
  [[nodiscard]] SegmentTree<Value>& tree() { return tree_; }
  [[nodiscard]] std::uint64_t segments() const { return segments_; }

  void use(std::unique_ptr<AnyFold> fold) { fold_ = std::move(fold); }

  void add(std::span<const std::byte> rows, MatrixView<const double> targets) {
    std::size_t first = 0;
    while (first < targets.rows()) {
      const std::size_t left = targets.rows() - first;
      const std::size_t step = std::min(left, next_tile() - waiting_rows_);
      const std::span<const std::byte> bytes = rows.subspan(first * row_bytes_, step * row_bytes_);
      if (waiting_rows_ == 0 && step == next_tile()) {
        fold(bytes, targets.middle_rows(first, step));
      } else {
        keep(bytes, targets.middle_rows(first, step));
      }
      first += step;
    }
  }

  // What has come so far is in the tree then; what comes later begins another segment.
  void end_segment() {
    fold_waiting();
    if (in_segment_ > 0) {
      finish_segment();
    }
  }

  // Sums of somebody else's rows.
  void put(Value sums, std::uint64_t rows) {
    end_segment();
    tree_.put(segments_++, std::move(sums));
    rows_ += rows;
  }

  // Somebody else's rows that were left out: they count where a row is named.
  void skip(std::uint64_t rows) { rows_ += rows; }

 private:
  // As an analysis has it of as many rows as take no longer segments, of up to some thousand classes.
  static std::uint64_t segment_length(const Backend& backend, std::size_t features, std::uint64_t classes) {
    constexpr std::uint64_t most_segments = 64;
    const std::uint64_t tile = backend.tile_rows(features);
    std::uint64_t rows = backend.segment_rows(1, features);
    if (classes > 0) {
      rows = segment_rows_with_classes(rows, most_segments * rows, features, classes);
    }
    return (rows + tile - 1) / tile * tile;
  }

  // Rows of the tile at work, when it is full.
  [[nodiscard]] std::size_t next_tile() const {
    return static_cast<std::size_t>(std::min<std::uint64_t>(tile_rows_, segment_rows_ - in_segment_));
  }

  void keep(std::span<const std::byte> bytes, MatrixView<const double> targets) {
    std::copy(bytes.begin(), bytes.end(),
              waiting_.begin() + static_cast<std::ptrdiff_t>(waiting_rows_ * row_bytes_));
    for (std::size_t i = 0; i < targets.rows(); ++i) {
      const auto from = targets.row(i);
      std::copy(from.begin(), from.end(), waiting_targets_.view().row(waiting_rows_ + i).begin());
    }
    waiting_rows_ += targets.rows();
    if (waiting_rows_ == next_tile()) {
      fold_waiting();
    }
  }

  void fold_waiting() {
    if (const std::size_t rows = std::exchange(waiting_rows_, 0); rows > 0) {
      fold(std::span(waiting_).first(rows * row_bytes_), waiting_targets_.view().middle_rows(0, rows));
    }
  }

  void fold(std::span<const std::byte> bytes, MatrixView<const double> targets) {
    if (!may_leave_out_ || !fold_some(bytes, targets)) {
      fold_->add({bytes, 0, targets.rows(), rows_}, targets);
      fold_->settle();  // the bytes are the caller's
    }
    rows_ += targets.rows();
    in_segment_ += targets.rows();
    if (in_segment_ == segment_rows_) {
      finish_segment();
    }
  }

  // Rows that are not left out; false: that is all of them.
  bool fold_some(std::span<const std::byte> bytes, MatrixView<const double> targets) {
    std::vector<std::size_t> kept;
    for (std::size_t i = 0; i < targets.rows(); ++i) {
      if (targets(i, 0) != ClassLabels::left_out) {
        kept.push_back(i);
      }
    }
    if (kept.size() == targets.rows() || kept.empty()) {
      return kept.empty();
    }
    std::vector<std::byte> kept_bytes(kept.size() * row_bytes_);
    Matrix kept_targets(kept.size(), 1);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      std::ranges::copy(bytes.subspan(kept[i] * row_bytes_, row_bytes_),
                        kept_bytes.begin() + static_cast<std::ptrdiff_t>(i * row_bytes_));
      kept_targets(i, 0) = targets(kept[i], 0);
    }
    try {
      fold_->add({kept_bytes, 0, kept.size(), 0}, kept_targets.view());
      fold_->settle();
    } catch (const NonFiniteSample& offending) {
      throw NonFiniteSample{rows_ + kept.at(static_cast<std::size_t>(offending.sample))};
    }
    return true;
  }

  void finish_segment() {
    tree_.put(segments_++, fold_->finish());
    in_segment_ = 0;
  }

  std::size_t tile_rows_;
  std::uint64_t segment_rows_;
  std::size_t row_bytes_;
  bool may_leave_out_;
  std::unique_ptr<AnyFold> fold_;
  SegmentTree<Value> tree_;
  std::uint64_t segments_ = 0;
  std::uint64_t rows_ = 0;  // in the sums
  std::uint64_t in_segment_ = 0;
  std::vector<std::byte> waiting_;  // rows of a tile that is not full yet
  Matrix waiting_targets_;
  std::size_t waiting_rows_ = 0;
};

}  // namespace collapscope
