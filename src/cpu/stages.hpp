// What a benchmark times on the CPU.
#pragma once

#include <memory>

#include "collapscope/backend.hpp"

namespace collapscope::cpu {

// backend: the CPU's, which must outlive the maker.
[[nodiscard]] std::unique_ptr<StageMaker> make_stage_maker(Backend& backend);

}  // namespace collapscope::cpu
