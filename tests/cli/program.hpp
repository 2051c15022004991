// The real program, run as a user runs it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace collapscope::cli {

// A new folder that lives as long as this.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  TempFolder(TempFolder&&) = delete;
  TempFolder& operator=(TempFolder&&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] bool has(const std::string& name) const;
  [[nodiscard]] std::string read(const std::string& name) const;
  void write(const std::string& name, const std::string& content) const;
  // The names in it, sorted.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::filesystem::path path_;
};

using Arguments = std::vector<std::string>;

// Around a run: variables to set, and what its output is connected to.
struct Surroundings {
  std::map<std::string, std::string> environment = {};
  unsigned short terminal_width = 0;  // not 0: output and errors go to a terminal of this width, as `out`
  std::string out_to = {};            // not empty: output goes to this file
  std::string errors_to = {};         // likewise for errors
  std::uint64_t address_space = 0;    // not 0: bytes that the program may map
  std::vector<int> closed = {};       // standard descriptors that the program does not get
  std::uint64_t file_size = 0;        // not 0: bytes that a file may have, as on a disk that is full
};

struct Finished {
  int status = -1;  // of exit; -1: ended by a signal
  std::string out;
  std::string err;
  std::uint64_t peak_memory = 0;  // bytes resident
};

// Runs the program in `folder` with standard input closed. Variables that steer it are not inherited. An end
// by a signal (also SIGALRM after five minutes) and a sanitizer's report are failures of the test.
[[nodiscard]] Finished run(const TempFolder& folder, const Arguments& arguments,
                           const Surroundings& around = {});

// Runs the program and expects this exit status.
Finished expect_status(int status, const TempFolder& folder, const Arguments& arguments,
                       const Surroundings& around = {});

// Makes dumps in `folder` with Python; `code` follows `from dumps import *`.
void make_dumps(const TempFolder& folder, const std::string& code);

}  // namespace collapscope::cli
