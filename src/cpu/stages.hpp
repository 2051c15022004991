// What a benchmark times on the CPU.
#pragma once

#include <memory>

#include "collapscope/backend/backend.hpp"
#include "core/workers.hpp"
#include "cpu/vector_kernels.hpp"

namespace collapscope::cpu {

// backend: the CPU's, which must outlive the maker; with the kernels and workers that its folds use.
[[nodiscard]] std::unique_ptr<StageMaker> make_stage_maker(Backend& backend, const VectorKernels& kernels,
                                                           const Team& team);

}  // namespace collapscope::cpu
