// What the launcher of a job says in the environment.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace collapscope::ranks {

struct Launch {
  std::string launcher;  // "mpirun", "srun": for messages
  std::size_t size = 1;  // processes that it started
  std::size_t rank = 0;
  bool has_pmi = true;  // what MPI needs to find the other processes
};

// variable(name): its value, or null. nullopt: no launcher started this process, or COLLAPSCOPE_ALONE=1 says
// that it works by itself all the same.
[[nodiscard]] std::optional<Launch> launch_of(const std::function<const char*(const char*)>& variable);

}  // namespace collapscope::ranks
