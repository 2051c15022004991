// Rows and targets on their way to the device: a ring of slots, or a store that keeps them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "collapscope/core/matrix.hpp"
#include "collapscope/core/rows.hpp"
#include "cuda/class_order.hpp"
#include "cuda/device.hpp"
#include "cuda/target_store.hpp"

namespace collapscope::cuda {

// Some rows of a layer with their targets, on the device.
struct DeviceRows {
  const std::byte* bytes = nullptr;  // stored rows: the first row's; else whole samples
  const double* targets = nullptr;   // [rows, n]
  kernels::ClassRuns classes;        // of rows whose target is the number of their class
  std::size_t skip_rows = 0;         // of the first sample; 0 for stored rows
  std::size_t rows = 0;
  std::uint64_t first_row = 0;  // of the whole layer
  std::size_t slot = 0;         // of the ring
};

class RowFeed {
 public:
  // Rows to be kept on the device, in segments.
  struct Keep {
    std::uint64_t rows = 0;  // 0: none
    std::uint64_t segment = 0;
  };

  // part_rows: rows handed on at a time, at most. classes: 0, or rows have one target each, the number of
  // their class below it. on_device: tiles are RawTile::on_device, and none is kept. known: targets of the
  // layer that are on the device, or may stay there; null: they go up with their rows. Puts no work on the
  // device yet.
  RowFeed(const Device& device, const RowFormat& format, std::size_t targets, std::size_t part_rows,
          const Keep& keep, std::size_t classes = 0, bool on_device = false,
          std::shared_ptr<TargetStore> known = nullptr);

  // Copies the tile in parts; calls visit(const DeviceRows&), which enqueues on `compute`, for each.
  template <class Visit>
  void pass(const RawTile& tile, MatrixView<const double> targets, const Visit& visit) {
    for (std::size_t row = 0; row < tile.rows; row += part_rows_) {
      const DeviceRows rows = put(tile, targets, row);
      visit(rows);
      release(rows);
    }
  }
  // The same in two steps, for rows that are kept, and for two threads: one copies tiles and settles, and
  // puts nothing on `compute`; one takes their parts, in order, holds the host back until it is not too far
  // ahead of the work on them, enqueues it behind their copies, and releases them.
  [[nodiscard]] std::vector<DeviceRows> bring(const RawTile& tile, MatrixView<const double> targets);
  void hold_back(const DeviceRows& rows) const;
  void release(const DeviceRows& rows);

  // Waits until the host memory of all parts has been copied; of rows that are on the device already, until
  // they have been worked on.
  void settle() const;
  // All rows passed so far, when they are kept.
  [[nodiscard]] const std::vector<DeviceRows>& kept() const { return kept_; }
  [[nodiscard]] bool keeps() const { return keeps_; }

 private:
  struct Slot {
    DeviceBuffer<std::byte> bytes;
    DeviceBuffer<double> targets;
    PinnedBuffer<double> staged;
    LentEvent filled;
    LentEvent used;
  };

  // Numbers that the targets of so many rows take, with the order of their classes.
  [[nodiscard]] std::size_t target_numbers(std::size_t rows, std::size_t targets) const;
  [[nodiscard]] RawTile part_of(const RawTile& tile, std::size_t row) const;
  // The part from row `row` on. ahead: of the work on the parts before.
  DeviceRows put(const RawTile& tile, MatrixView<const double> targets, std::size_t row, bool ahead = false);
  DeviceRows put(const RawTile& part, MatrixView<const double> targets, bool ahead);
  // What comes next on `compute` is behind the slot's last copy.
  void await(const Slot& slot) const;
  // Enqueues that the targets come; where they will lie.
  StoredTargets send(MatrixView<const double> targets, Slot& slot, double* to);

  const Device& device_;
  RowFormat format_;
  std::size_t part_rows_;
  std::size_t classes_;
  bool on_device_;
  ClassOrder order_;
  std::vector<Slot> slots_;
  std::size_t turn_ = 0;
  bool keeps_ = false;
  DeviceBuffer<std::byte> store_;
  DeviceBuffer<double> target_store_;  // when they do not stay elsewhere
  std::size_t most_targets_ = 0;
  std::size_t stored_bytes_ = 0;
  std::size_t stored_targets_ = 0;
  std::vector<DeviceRows> kept_;
  std::shared_ptr<TargetStore> known_;
};

// The store for the targets of a layer that comes in such parts; null: they cannot stay.
[[nodiscard]] std::shared_ptr<TargetStore> stored_targets(TargetStores& stores, const Device& device,
                                                          const SameTargets& same,
                                                          const TargetStore::Key& key,
                                                          std::uint64_t segment_rows);

}  // namespace collapscope::cuda
