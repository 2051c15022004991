// Sums over the rows of each class on the device: a row of the table for each class.
#pragma once

#include <cstddef>

#include "cuda/class_order.hpp"
#include "cuda/device.hpp"
#include "cuda/products.hpp"

namespace collapscope::cuda {

class ClassTable {
 public:
  ClassTable() = default;
  // Of parts of at most `part_rows` rows with `cols` numbers to be summed each. Throws DeviceMemoryError.
  ClassTable(const Device& device, std::size_t classes, std::size_t cols, std::size_t part_rows)
      : classes_(classes),
        sums_(device, classes * cols),
        workspace_(
            device,
            classes == 0 ? 0 : kernels::class_workspace(ClassOrder::most_chunks(part_rows, classes), cols)) {}

  void clear(const Device& device) { cuda::clear(sums_.data(), sums_.size(), device.compute()); }
  // As kernels::class_sums.
  void add(const Device& device, const kernels::ClassRuns& runs, const DeviceMatrix& from, const double* last,
           std::size_t last_stride, const double* mean) {
    Call("sums over classes")
        .check(kernels::class_sums(runs, from, last, last_stride, mean, workspace_.data(), sums_.data(),
                                   device.compute()));
  }

  [[nodiscard]] std::size_t classes() const { return classes_; }
  [[nodiscard]] std::size_t size() const { return sums_.size(); }
  [[nodiscard]] const double* data() const { return sums_.data(); }

 private:
  std::size_t classes_ = 0;
  DeviceBuffer<double> sums_;  // [classes, cols]
  DeviceBuffer<double> workspace_;
};

}  // namespace collapscope::cuda
