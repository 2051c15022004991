// A feature scatter that stays on the device, although it has come down: for whoever decomposes it there.
#pragma once

#include <cstddef>
#include <utility>

#include "collapscope/backend/backend.hpp"
#include "cuda/device.hpp"

namespace collapscope::cuda {

class DeviceScatter final : public OnDevice {
 public:
  // numbers: the matrix [order, order], whole, and perhaps others behind it.
  DeviceScatter(const Device& device, std::size_t order, DeviceBuffer<double> numbers)
      : device_(device), order_(order), numbers_(std::move(numbers)), drained_(device) {}

  // Null: it is another device's, or of another order.
  [[nodiscard]] const double* of(const Device& device, std::size_t order) const {
    return &device == &device_ && order == order_ ? numbers_.data() : nullptr;
  }

 private:
  const Device& device_;
  std::size_t order_;
  DeviceBuffer<double> numbers_;
  Drained drained_;
};

}  // namespace collapscope::cuda
