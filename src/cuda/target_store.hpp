// Targets that have gone up stay on the device: the layers of a checkpoint have the same ones, and so has a
// second look at rows that were not kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "cuda/class_order.hpp"
#include "cuda/device.hpp"

namespace collapscope::cuda {

// Of some rows: numbers [rows, n], and of classification their order.
struct StoredTargets {
  const double* numbers = nullptr;
  kernels::ClassRuns classes;
};

// Of one device's streams: whoever finds something here enqueues behind what brought it.
class TargetStore {
 public:
  // Which targets, and how they are cut.
  struct Key {
    std::uint64_t number = 0;  // as FoldSpec's `same_targets`
    std::size_t rows_per_sample = 1;
    std::size_t columns = 0;
    std::size_t classes = 0;
    std::size_t part_rows = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };

  // Of so many numbers. Throws DeviceMemoryError.
  TargetStore(const Device& device, const Key& key, std::size_t numbers)
      : key_(key), memory_(device, numbers), drained_(device) {}

  [[nodiscard]] const Key& key() const { return key_; }
  // Null: they are not here.
  [[nodiscard]] const StoredTargets* find(std::uint64_t first_row, std::size_t rows) const;
  // Room for so many numbers; null: there is none left.
  [[nodiscard]] double* room(std::size_t numbers);
  // They are enqueued.
  void put(std::uint64_t first_row, std::size_t rows, const StoredTargets& targets);

 private:
  Key key_;
  DeviceBuffer<double> memory_;
  std::size_t used_ = 0;
  std::map<std::pair<std::uint64_t, std::size_t>, StoredTargets> parts_;
  Drained drained_;
};

// The store of a device, one at a time. What feeds hold lives as long as they do.
class TargetStores {
 public:
  // For targets of at most so many numbers; null: they are unknown, or too many to stay.
  [[nodiscard]] std::shared_ptr<TargetStore> of(const Device& device, const TargetStore::Key& key,
                                                std::size_t numbers);
  // Nothing stays any more.
  void close() {
    store_.reset();
    closed_ = true;
  }

 private:
  std::shared_ptr<TargetStore> store_;
  bool closed_ = false;
};

}  // namespace collapscope::cuda
