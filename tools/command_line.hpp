// What the user typed, understood.
#pragma once

#include "command.hpp"

namespace collapscope::tools {

struct Request {
  const Command* command = nullptr;  // whose action is asked for; nullptr: nothing is left to be done
  int status = 0;                    // then the exit status
};

// Fills the options' targets. Answers --help, --version and wrong usage itself. Throws UsageError for an
// unknown command.
[[nodiscard]] Request parse(const Command& program, int argc, const char* const* argv);

}  // namespace collapscope::tools
