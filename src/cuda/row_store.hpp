// Rows of a training script that wait on the device until they are a tile.
#pragma once

#include <cstddef>

#include "collapscope/backend/backend.hpp"
#include "cuda/device.hpp"

namespace collapscope::cuda {

// Copies on the compute stream, in order with the folds there that take its rows.
class CudaRowStore final : public RowStore {
 public:
  // Throws DeviceMemoryError.
  CudaRowStore(const Device& device, std::size_t size)
      : device_(device), bytes_(device, size), copied_(device), drained_(device) {}

  void put(std::size_t offset, const RowBytes& rows) override;
  void settle() override;
  [[nodiscard]] RowBytes rows() const override { return {{bytes_.data(), bytes_.size()}, true}; }

 private:
  const Device& device_;
  DeviceBuffer<std::byte> bytes_;
  LentEvent copied_;
  bool is_settled_ = true;
  Drained drained_;
};

}  // namespace collapscope::cuda
