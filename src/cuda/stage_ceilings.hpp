// What a GPU reaches by the plainest means: large copies, large products.
#pragma once

#include <vector>

#include "collapscope/backend/stages.hpp"
#include "cuda/device.hpp"

namespace collapscope::cuda {

// "pinned-copy", "device-copy", "dgemm" and "dsyrk". device: must outlive them.
[[nodiscard]] std::vector<Stage> stage_ceilings(const Device& device);

// c = x^T x + beta c, one triangle of [cols, cols]; x [rows, cols] row-major, `stride` doubles from row to
// row. On `compute`.
void symmetric_product(const Device& device, const double* x, std::size_t rows, std::size_t cols,
                       std::size_t stride, double* c, double beta);

}  // namespace collapscope::cuda
