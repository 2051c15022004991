// How many threads this process should use.
#pragma once

#include <cstddef>

namespace collapscope {

// The CPUs that the process may run on (affinity mask), which is what Slurm and containers give it; at
// most SLURM_CPUS_PER_TASK where that is set; at least 1.
[[nodiscard]] std::size_t usable_threads();

}  // namespace collapscope
