// How far an analysis has come.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace collapscope {

// Told by the analysis; all calls come from one thread.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void start(std::uint64_t /*total_bytes*/) {}
  // What is being worked on, e.g. "run/epoch_10.h5: fc3".
  virtual void working_on(const std::string& /*what*/) {}
  virtual void advance(std::uint64_t /*bytes*/) {}
  // A complete line that must not be mixed with the bar: a warning or a failure.
  virtual void message(const std::string& /*line*/) {}
  virtual void finish() {}
};

// A bar with rate and time left when `terminal`, else one plain line every `interval_seconds`; on standard
// error.
[[nodiscard]] std::unique_ptr<Progress> make_progress(bool terminal, bool colour,
                                                      double interval_seconds = 30.0);

// Shows messages only.
[[nodiscard]] std::unique_ptr<Progress> make_quiet_progress();

}  // namespace collapscope
