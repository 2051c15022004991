// The fake CUDA runtime, steered from inside the process.
#pragma once

#include <map>
#include <string>

namespace collapscope::test {

class FakeCuda {
 public:
  // Loads the fake libraries, so that the GPU module will use them; tiles become small.
  FakeCuda();

  // Starts anew with these FAKE_CUDA_... settings and no others, on three devices unless they say
  // otherwise: CUB asks once in a process how many there are. No backend of before may be in use.
  void restart(std::map<std::string, std::string> settings);

  [[nodiscard]] long calls() const { return calls_(); }
  [[nodiscard]] long work_items() const { return work_items_(); }
  [[nodiscard]] long threads() const { return threads_(); }
  [[nodiscard]] long violations() const { return violations_(); }
  [[nodiscard]] long leaks() const { return leaks_(); }

 private:
  void (*reset_)() = nullptr;
  long (*calls_)() = nullptr;
  long (*work_items_)() = nullptr;
  long (*threads_)() = nullptr;
  long (*violations_)() = nullptr;
  long (*leaks_)() = nullptr;
  std::map<std::string, std::string> settings_;
};

}  // namespace collapscope::test
