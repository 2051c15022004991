// What a helper may not do, whatever a file makes of it: as far as the kernel can be told.
#pragma once

#include <cstdint>
#include <string>

namespace collapscope::process {

// For the calling process and all that it forks: no new privileges, no core dumps, no bytes written to files,
// and with Landlock no file made, changed, removed or executed and no connection opened. Returns whether
// there is Landlock.
bool give_up_rights();

// For the calling process and all that it forks: only the calls that reading needs, and making processes;
// then for a helper, which may still make threads: no processes and no signals to others. Each returns
// whether the kernel filters calls.
bool allow_only_reading();
bool allow_no_processes();

// How many bytes of data the calling process has, and how many it may have.
[[nodiscard]] std::uint64_t data_bytes();
void limit_data(std::uint64_t bytes);
// So many more than limit_data() said; where it said nothing, nothing.
void allow_data(std::uint64_t bytes);

}  // namespace collapscope::process
