// Who is told how far an analysis has come (report.hpp has bars and lines).
#pragma once

#include <cstdint>
#include <string>

namespace collapscope {

// Told by the analysis; all calls come from one thread. They must not throw: a layer would fail in their
// place. StopRequest ends an analysis.
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

}  // namespace collapscope
