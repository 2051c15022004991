// Sums over the classes of a segment's rows, for the first look on a GPU.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "cuda/class_table.hpp"
#include "cuda/transfers.hpp"

namespace collapscope::cuda {

class MomentClasses {
 public:
  // Of classification. Throws DeviceMemoryError.
  MomentClasses(const Device& device, const FoldSpec& spec, std::size_t part_rows);

  // A column on the device, `stride` numbers from row to row.
  struct Column {
    const double* data;
    std::size_t stride;
  };

  // A segment's first rows are there.
  void begin(const Device& device);
  // How many rows of a class.
  struct Count {
    std::uint32_t number;
    std::uint32_t rows;
  };
  // Of rows [rows, 1]. Throws UsageError for the number of no class. By one thread, while another one adds.
  [[nodiscard]] std::vector<Count> counted(MatrixView<const double> numbers);
  // Of rows to be added.
  void count(const std::vector<Count>& counts);
  // x: the rows less the pilot and `mean`; squares: |h - pilot|^2; unit: h / |h|, where it is wanted.
  void add(const Device& device, const kernels::ClassRuns& runs, const DeviceMatrix& x, const Column& squares,
           const double* mean, const DeviceMatrix& unit);
  // Of the classes that the segment has.
  [[nodiscard]] ClassSums finish(const Device& device, const PinnedBuffer<double>& staging,
                                 std::span<const double> pilot);

 private:
  std::size_t d_;
  ClassTable plain_;  // [K, d + 1]: h - pilot, |h - pilot|^2
  ClassTable unit_;   // [K, d]; no rows where it is not wanted
  std::vector<double> counts_;
  std::vector<std::uint32_t> counting_;  // of each class; 0 but within `counted`
};

}  // namespace collapscope::cuda
