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
  // For rows of d features in `row_bytes` each and n targets. Folds are for segments of segment_rows and
  // tiles as of `tiles`. classes: K of classification, whose one target is a class's number, or
  // ClassLabels::left_out.
  Batches(Backend& backend, std::size_t features, std::size_t row_bytes, std::size_t targets,
          std::uint64_t classes = 0)
      : backend_(backend),
        tile_rows_(backend.batch_rows(features)),
        segment_rows_(segment_length(backend, tile_rows_, features, classes)),
        row_bytes_(row_bytes),
        may_leave_out_(classes > 0),
        waiting_(backend.make_row_store(tile_rows_ * row_bytes)),
        waiting_targets_(tile_rows_, targets) {}

  [[nodiscard]] std::uint64_t segment_rows() const { return segment_rows_; }
  [[nodiscard]] TileSource tiles() const { return {tile_rows_, waiting_->rows().on_device}; }
  // That were added.
  [[nodiscard]] std::uint64_t rows() const { return rows_ + waiting_rows_; }
  [[nodiscard]] SegmentTree<Value>& tree() { return tree_; }
  [[nodiscard]] std::uint64_t segments() const { return segments_; }

  void use(std::unique_ptr<AnyFold> fold) { fold_ = std::move(fold); }

  // The rows must stay as they are until `settle`.
  void add(const RowBytes& rows, MatrixView<const double> targets) {
    const bool are_as_folded = rows.on_device == tiles().on_device;
    std::size_t first = 0;
    while (first < targets.rows()) {
      const std::size_t left = targets.rows() - first;
      const std::size_t step = std::min(left, next_tile() - waiting_rows_);
      const RowBytes some(rows.bytes.subspan(first * row_bytes_, step * row_bytes_), rows.on_device);
      if (waiting_rows_ == 0 && step == next_tile() && are_as_folded) {
        fold(some, targets.middle_rows(first, step));
        fold_->settle();
      } else {
        keep(some, targets.middle_rows(first, step));
      }
      first += step;
    }
  }
  void settle() { waiting_->settle(); }

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
  static std::uint64_t segment_length(const Backend& backend, std::uint64_t tile, std::size_t features,
                                      std::uint64_t classes) {
    constexpr std::uint64_t most_segments = 64;
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

  void keep(const RowBytes& rows, MatrixView<const double> targets) {
    waiting_->put(waiting_rows_ * row_bytes_, rows);
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
      fold(part_of(waiting_->rows(), 0, rows), waiting_targets_.view().middle_rows(0, rows));
      if (!tiles().on_device) {
        fold_->settle();
      }
    }
  }

  [[nodiscard]] RowBytes part_of(const RowBytes& rows, std::size_t first, std::size_t count) const {
    return {rows.bytes.subspan(first * row_bytes_, count * row_bytes_), rows.on_device};
  }

  void fold(const RowBytes& rows, MatrixView<const double> targets) {
    if (!may_leave_out_ || !fold_some(rows, targets)) {
      fold_->add({rows.bytes, 0, targets.rows(), rows_, rows.on_device}, targets);
    }
    rows_ += targets.rows();
    in_segment_ += targets.rows();
    if (in_segment_ == segment_rows_) {
      finish_segment();
    }
  }

  // Rows that are not left out; false: that is all of them.
  bool fold_some(const RowBytes& rows, MatrixView<const double> targets) {
    std::vector<std::size_t> kept;
    for (std::size_t i = 0; i < targets.rows(); ++i) {
      if (targets(i, 0) != ClassLabels::left_out) {
        kept.push_back(i);
      }
    }
    if (kept.size() == targets.rows() || kept.empty()) {
      return kept.empty();
    }
    if (kept_ == nullptr) {
      kept_ = backend_.make_row_store(tile_rows_ * row_bytes_);
    }
    Matrix kept_targets(kept.size(), 1);
    for (std::size_t i = 0; i < kept.size();) {
      std::size_t run = 1;
      while (i + run < kept.size() && kept[i + run] == kept[i] + run) {
        ++run;
      }
      kept_->put(i * row_bytes_, part_of(rows, kept[i], run));
      for (const std::size_t end = i + run; i < end; ++i) {
        kept_targets(i, 0) = targets(kept[i], 0);
      }
    }
    const RowBytes tile = part_of(kept_->rows(), 0, kept.size());
    kept_of_tiles_.emplace_back(rows_, std::move(kept));
    named([&] {
      fold_->add({tile.bytes, 0, kept_targets.rows(), rows_, tile.on_device}, kept_targets.view());
      fold_->settle();
    });
    return true;
  }

  void finish_segment() {
    named([&] { tree_.put(segments_++, fold_->finish()); });
    in_segment_ = 0;
    kept_of_tiles_.clear();
  }

  // A fold numbers the rows of a tile as it gets them, without those that are left out.
  template <class Work>
  void named(const Work& work) const {
    try {
      work();
    } catch (const NonFiniteSample& offending) {
      for (const auto& [first, kept] : kept_of_tiles_) {
        if (offending.sample >= first && offending.sample - first < kept.size()) {
          throw NonFiniteSample{first + kept[static_cast<std::size_t>(offending.sample - first)]};
        }
      }
      throw;
    }
  }

  Backend& backend_;
  std::size_t tile_rows_;
  std::uint64_t segment_rows_;
  std::size_t row_bytes_;
  bool may_leave_out_;
  std::unique_ptr<AnyFold> fold_;
  SegmentTree<Value> tree_;
  std::uint64_t segments_ = 0;
  std::uint64_t rows_ = 0;  // in the sums
  std::uint64_t in_segment_ = 0;
  std::unique_ptr<RowStore> waiting_;  // rows of a tile that is not full yet
  Matrix waiting_targets_;
  std::size_t waiting_rows_ = 0;
  std::unique_ptr<RowStore> kept_;  // of a tile with rows that are left out
  // Of each such tile of the segment: its first row, and which of its rows a fold has.
  std::vector<std::pair<std::uint64_t, std::vector<std::size_t>>> kept_of_tiles_;
};

}  // namespace collapscope
