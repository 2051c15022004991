#include "cuda/target_store.hpp"

#include <algorithm>

#include "collapscope/core/error.hpp"

namespace collapscope::cuda {

namespace {

// Of a device's free memory, so that what stays is never what is missing. Each of those that have the device
// open has such a store.
constexpr std::size_t least_others = 64;
constexpr std::size_t most_bytes = std::size_t{1} << 28U;

}  // namespace

const StoredTargets* TargetStore::find(std::uint64_t first_row, std::size_t rows) const {
  const auto found = parts_.find({first_row, rows});
  return found == parts_.end() ? nullptr : &found->second;
}

double* TargetStore::room(std::size_t numbers) {
  if (memory_.size() - used_ < numbers) {
    return nullptr;
  }
  used_ += numbers;
  return memory_.data() + (used_ - numbers);
}

void TargetStore::put(std::uint64_t first_row, std::size_t rows, const StoredTargets& targets) {
  parts_.insert_or_assign({first_row, rows}, targets);
}

std::shared_ptr<TargetStore> TargetStores::of(const Device& device, const TargetStore::Key& key,
                                              std::size_t numbers) {
  if (closed_ || key.number == 0 ||
      numbers > std::min(device.free_at_start() / least_others, most_bytes) / sizeof(double)) {
    return nullptr;
  }
  if (store_ == nullptr || store_->key() != key) {
    store_.reset();
    try {
      store_ = std::make_shared<TargetStore>(device, key, numbers);
    } catch (const DeviceMemoryError&) {
      return nullptr;
    }
  }
  return store_;
}

}  // namespace collapscope::cuda
