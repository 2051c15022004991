// What a benchmark ran on and with.
#pragma once

#include <vector>

#include "collapscope/backend/stages.hpp"

namespace collapscope::bench {

[[nodiscard]] std::vector<Fact> machine_facts();
[[nodiscard]] std::vector<Fact> library_facts();

}  // namespace collapscope::bench
