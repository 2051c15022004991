// Rows that one thread of a column-wise pass has in flight together.
#pragma once

#include <cstddef>

#include "element.hpp"

namespace collapscope::kernels {

inline constexpr std::size_t row_batch = 4;

COLLAPSCOPE_HOST_DEVICE inline std::size_t row_batches(std::size_t rows) {
  return (rows + row_batch - 1) / row_batch;
}

}  // namespace collapscope::kernels
