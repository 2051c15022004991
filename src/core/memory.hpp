// Memory that this process may use.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace collapscope {

// Where limits are found; other ones in tests.
struct MemorySources {
  std::string root;                                  // before /proc and /sys
  std::function<const char*(const char*)> variable;  // nullptr where there is no such environment variable
};
[[nodiscard]] MemorySources system_memory_sources();

// Bytes: the least of what is free on the machine, what the control groups of this process and those above
// them allow, and what Slurm gave to the task (SLURM_MEM_PER_CPU, SLURM_MEM_PER_NODE), also where it does not
// enforce it.
[[nodiscard]] std::uint64_t usable_memory(const MemorySources& sources = system_memory_sources());

// Bytes that this process may still map (ulimit -v); the largest number there is where nothing limits them.
[[nodiscard]] std::uint64_t address_space_left();

}  // namespace collapscope
