// Where a benchmark puts its dumps.
#pragma once

#include <string>

namespace collapscope::bench {

// A new folder. It goes, with the dumps in it, when this does, and when SIGINT, SIGTERM, SIGHUP or
// std::quick_exit ends the process. One at a time.
class BenchFolder {
 public:
  // parent: an existing folder; empty: TMPDIR, or /tmp. Throws Error.
  explicit BenchFolder(const std::string& parent);
  ~BenchFolder();
  BenchFolder(const BenchFolder&) = delete;
  BenchFolder& operator=(const BenchFolder&) = delete;
  BenchFolder(BenchFolder&&) = delete;
  BenchFolder& operator=(BenchFolder&&) = delete;

  // The dumps that are measured, and whose answer is known.
  [[nodiscard]] std::string rows_file() const { return path_ + "/rows.h5"; }
  [[nodiscard]] std::string planted_file() const { return path_ + "/planted.h5"; }

 private:
  std::string path_;
};

}  // namespace collapscope::bench
