// Options that do nothing for the dumps that they are given with.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dump_options.hpp"

namespace collapscope::tools {

// Says a line of each. Throws UsageError where --metrics names none of the dumps' tasks.
void tell_idle_options(const DumpOptions& options, const std::vector<Checkpoint>& checkpoints,
                       const std::function<void(const std::string&)>& say);

}  // namespace collapscope::tools
