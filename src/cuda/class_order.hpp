// The rows of a part in the order of their classes, so that sums over classes have a fixed order and need no
// atomic additions. The host has the labels anyway; it sorts while the part's rows are on the bus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "arguments.hpp"

namespace collapscope::cuda {

class ClassOrder {
 public:
  explicit ClassOrder(std::size_t classes) : classes_(classes) {}

  // Words that the lists of so many rows take, at most.
  [[nodiscard]] static std::size_t words(std::size_t rows, std::size_t classes);
  // Chunks of so many rows, at most.
  [[nodiscard]] static std::size_t most_chunks(std::size_t rows, std::size_t classes);
  // Writes the lists of rows of these classes one after another to `staged`. Returns them as they will lie at
  // `device`. Throws UsageError for the number of no class.
  kernels::ClassRuns arrange(std::span<const double> numbers, std::uint32_t* staged,
                             const std::uint32_t* device);
  // Of the lists written last.
  [[nodiscard]] std::size_t words_written() const { return words_; }

 private:
  void sort(std::uint32_t* order);

  std::size_t classes_;
  std::size_t words_ = 0;
  std::vector<std::uint32_t> keys_;   // of the rows
  std::vector<std::uint32_t> other_;  // the order so far
};

}  // namespace collapscope::cuda
