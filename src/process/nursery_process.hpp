// The process that forks helpers, and what is said between it and the program.
#pragma once

#include <sys/types.h>

#include "process/nursery.hpp"

namespace collapscope::process {

// From the program. A new helper comes with two descriptors: its socket and its WorkMark.
struct Order {
  enum class Kind : int { fork, end } kind = Kind::fork;
  pid_t pid = 0;  // whom to end
};

// To the program: the helper's pid, or its status as wait() tells it; failed: errno.
struct Report {
  pid_t pid = 0;
  int status = 0;
  int failed = 0;
};

// Until the program has closed its end of `control`.
[[noreturn]] void run_nursery(int control, const HelperWork& work);

}  // namespace collapscope::process
