// A run of checkpoints with large and small layers, one of them damaged, and its analysis in any way.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "collapscope/analysis/analysis.hpp"
#include "support/messages.hpp"

namespace collapscope::test {

class SampleRun {
 public:
  SampleRun();
  ~SampleRun();
  SampleRun(const SampleRun&) = delete;
  SampleRun& operator=(const SampleRun&) = delete;
  SampleRun(SampleRun&&) = delete;
  SampleRun& operator=(SampleRun&&) = delete;

  [[nodiscard]] const std::vector<Checkpoint>& checkpoints() const { return checkpoints_; }
  // By one process with so many threads.
  [[nodiscard]] Results analyzed(std::size_t threads = 1, const AnalysisOptions& options = {},
                                 StateKeeper* states = nullptr, const StopRequest* stop = nullptr) const;
  [[nodiscard]] std::filesystem::path folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
  std::vector<Checkpoint> checkpoints_;
};

// Of all tests of this suite.
[[nodiscard]] const SampleRun& sample_run();

// The same numbers to the bit, the same failures.
void expect_same(const Results& found, const Results& wanted);

}  // namespace collapscope::test
