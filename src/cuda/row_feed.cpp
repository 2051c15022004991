#include "cuda/row_feed.hpp"

#include <algorithm>
#include <utility>

#include "collapscope/core/error.hpp"
#include "cuda/range.hpp"

namespace collapscope::cuda {

namespace {

constexpr std::size_t slots = 3;
constexpr std::size_t alignment = 256;

std::size_t aligned(std::size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

// Bytes of the samples that `rows` rows may touch.
std::size_t part_bytes(const RowFormat& format, std::size_t rows) {
  if (format.rows_are_stored()) {
    return rows * format.row_length() * format.element.size();
  }
  const std::size_t per_sample = format.rows_per_sample();
  return (per_sample == 1 ? rows : rows / per_sample + 2) * format.sample_bytes();
}

// Back to back, in one copy where they lie so: a few numbers a row are slow to copy by the row.
void stage(MatrixView<const double> targets, double* to) {
  if (targets.stride() == targets.cols()) {
    std::copy_n(targets.data(), targets.rows() * targets.cols(), to);
    return;
  }
  for (std::size_t i = 0; i < targets.rows(); ++i) {
    std::copy_n(targets.row(i).data(), targets.cols(), to + i * targets.cols());
  }
}

}  // namespace

RowFeed::RowFeed(const Device& device, const RowFormat& format, std::size_t targets, std::size_t part_rows,
                 const Keep& keep, std::size_t classes, bool on_device, std::shared_ptr<TargetStore> known)
    : device_(device),
      format_(format),
      part_rows_(part_rows),
      classes_(classes),
      on_device_(on_device),
      order_(classes),
      known_(std::move(known)) {
  if (on_device && (keep.rows > 0 || !format.rows_are_stored())) {
    throw UsageError("RowFeed: rows on the device are taken as they are, and not kept");
  }
  // A sample that is split between parts would have to be kept twice.
  if (keep.rows > 0 && (format.rows_are_stored() || format.rows_per_sample() == 1)) {
    try {
      // Parts begin aligned, and tiles may be half full, the last one of every segment, too.
      const std::size_t parts =
          2 * keep.rows / part_rows + 2 + keep.rows / std::max<std::uint64_t>(keep.segment, 1);
      store_ = DeviceBuffer<std::byte>(device, part_bytes(format, keep.rows) + parts * alignment);
      most_targets_ = classes == 0 ? keep.rows * targets : parts * target_numbers(part_rows, 1);
      if (known_ == nullptr) {
        target_store_ = DeviceBuffer<double>(device, most_targets_);
      }
      keeps_ = true;
    } catch (const DeviceMemoryError&) {
      store_ = {};
    }
  }
  for (std::size_t i = 0; i < slots; ++i) {
    slots_.push_back({{device, keeps_ || on_device ? 0 : part_bytes(format, part_rows)},
                      {device, keeps_ ? 0 : target_numbers(part_rows, targets)},
                      {device, target_numbers(part_rows, targets)},
                      LentEvent(device),
                      LentEvent(device)});
  }
}

std::size_t RowFeed::target_numbers(std::size_t rows, std::size_t targets) const {
  return rows * targets + (ClassOrder::words(rows, classes_) + 1) / 2;
}

RawTile RowFeed::part_of(const RawTile& tile, std::size_t row) const {
  const std::size_t rows = std::min(part_rows_, tile.rows - row);
  const std::size_t begin = tile.skip_rows + row;
  if (format_.rows_are_stored()) {
    const std::size_t row_bytes = format_.row_length() * format_.element.size();
    return {tile.bytes.subspan(begin * row_bytes, rows * row_bytes), 0, rows, tile.first_row + row,
            tile.on_device};
  }
  const std::size_t per_sample = format_.rows_per_sample();
  const std::size_t first = begin / per_sample;
  const std::size_t last = (begin + rows - 1) / per_sample;
  return {tile.bytes.subspan(first * format_.sample_bytes(), (last - first + 1) * format_.sample_bytes()),
          begin % per_sample, rows, tile.first_row + row};
}

std::vector<DeviceRows> RowFeed::bring(const RawTile& tile, MatrixView<const double> targets) {
  if (!keeps_) {
    throw UsageError("RowFeed::bring: rows are not kept");
  }
  std::vector<DeviceRows> parts;
  for (std::size_t row = 0; row < tile.rows; row += part_rows_) {
    parts.push_back(put(tile, targets, row, true));
  }
  return parts;
}

DeviceRows RowFeed::put(const RawTile& tile, MatrixView<const double> targets, std::size_t row, bool ahead) {
  return put(part_of(tile, row), targets.middle_rows(row, std::min(part_rows_, tile.rows - row)), ahead);
}

DeviceRows RowFeed::put(const RawTile& part, MatrixView<const double> targets, bool ahead) {
  const Range range("rows to the device");
  if (part.on_device != on_device_) {
    throw UsageError("Fold::add: rows of another memory than the fold was made for");
  }
  const std::size_t number = turn_++ % slots_.size();
  Slot& slot = slots_[number];
  const StoredTargets* const there = known_ ? known_->find(part.first_row, part.rows) : nullptr;
  const std::size_t target_count = there ? 0 : target_numbers(targets.rows(), targets.cols());
  double* const stays = known_ && !there ? known_->room(target_count) : nullptr;
  std::byte* bytes = slot.bytes.data();
  double* device_targets = stays ? stays : slot.targets.data();
  if (keeps_) {
    bytes = store_.data() + stored_bytes_;
    stored_bytes_ += aligned(part.bytes.size());
    if (stays == nullptr && !there) {
      if (target_store_.size() == 0) {
        target_store_ = DeviceBuffer<double>(device_, most_targets_);
      }
      device_targets = target_store_.data() + stored_targets_;
      stored_targets_ += target_count;
    }
    if (stored_bytes_ > store_.size() || stored_targets_ > most_targets_) {
      throw UsageError("Fold::add: more rows than the fold was made for");
    }
  }
  if (!ahead) {
    Call("cudaStreamWaitEvent").check(cudaStreamWaitEvent(device_.copy(), slot.used.get(), 0));
  }
  device_.wait_for_event(slot.filled.get());  // `staged` is free again
  if (!on_device_) {
    upload(bytes, part.bytes.data(), part.bytes.size(), device_.copy());
  }
  const StoredTargets found = there ? *there : send(targets, slot, device_targets);
  if (stays != nullptr) {
    known_->put(part.first_row, part.rows, found);
  }
  Call("cudaEventRecord").check(cudaEventRecord(slot.filled.get(), device_.copy()));
  if (!ahead) {
    await(slot);
  }
  return {on_device_ ? part.bytes.data() : bytes,
          found.numbers,
          found.classes,
          part.skip_rows,
          part.rows,
          part.first_row,
          number};
}

StoredTargets RowFeed::send(MatrixView<const double> targets, Slot& slot, double* to) {
  const std::size_t numbers = targets.rows() * targets.cols();
  stage(targets, slot.staged.data());
  kernels::ClassRuns classes;
  std::size_t filled = numbers;
  if (classes_ > 0) {
    classes = order_.arrange({slot.staged.data(), numbers},
                             reinterpret_cast<std::uint32_t*>(slot.staged.data() + numbers),
                             reinterpret_cast<const std::uint32_t*>(to + numbers));
    filled += (order_.words_written() + 1) / 2;
  }
  upload(to, slot.staged.data(), filled, device_.copy());
  return {to, classes};
}

void RowFeed::hold_back(const DeviceRows& rows) const {
  const Slot& slot = slots_[rows.slot];
  device_.wait_for_event(slot.used.get());
  await(slot);
}

void RowFeed::await(const Slot& slot) const {
  Call("cudaStreamWaitEvent").check(cudaStreamWaitEvent(device_.compute(), slot.filled.get(), 0));
}

void RowFeed::release(const DeviceRows& rows) {
  if (keeps_) {
    kept_.push_back(rows);
  }
  Call("cudaEventRecord").check(cudaEventRecord(slots_[rows.slot].used.get(), device_.compute()));
}

void RowFeed::settle() const {
  if (turn_ > 0) {
    const Slot& last = slots_[(turn_ - 1) % slots_.size()];
    device_.wait_for_event(on_device_ ? last.used.get() : last.filled.get());
  }
}

// Parts of tiles may be half full, the last one of every segment, too.
std::shared_ptr<TargetStore> stored_targets(TargetStores& stores, const Device& device,
                                            const SameTargets& same, const TargetStore::Key& key,
                                            std::uint64_t segment_rows) {
  const std::size_t parts =
      2 * (same.rows / key.part_rows) + 2 + same.rows / std::max<std::uint64_t>(segment_rows, 1);
  const std::size_t lists =
      key.classes == 0
          ? 0
          : same.rows / 2 + parts * (ClassOrder::words(key.part_rows, key.classes) - key.part_rows + 2);
  return stores.of(device, key, same.rows * key.columns + lists);
}

}  // namespace collapscope::cuda
