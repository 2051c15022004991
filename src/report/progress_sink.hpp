// What progress needs from the outside, so that tests need no clock and no terminal.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "collapscope/core/progress.hpp"

namespace collapscope {

struct ProgressSink {
  std::function<double()> now;                  // seconds, never going back
  std::function<void(std::string_view)> write;  // shows the text at once
  std::function<std::size_t()> width;           // columns of the terminal, now
  bool watched = false;  // lines are due also while nothing advances; `now` and `write` work on any thread
};

[[nodiscard]] std::unique_ptr<Progress> make_progress(ProgressSink sink, bool terminal, bool colour,
                                                      double interval_seconds);

[[nodiscard]] std::unique_ptr<Progress> make_quiet_progress(ProgressSink sink);

// Standard error, the steady clock, the terminal's size.
[[nodiscard]] ProgressSink standard_error_sink();

}  // namespace collapscope
