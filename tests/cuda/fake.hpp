// The fake CUDA runtime, steered from inside the process.
#pragma once

#include <map>
#include <string>

namespace collapscope::test {

class FakeCuda {
 public:
  using Settings = std::map<std::string, std::string>;  // FAKE_CUDA_... without that

  // Loads the fake libraries, so that the GPU module will use them; tiles become small.
  FakeCuda();

  // Starts anew with these settings and no others, on three devices unless they say otherwise: CUB asks once
  // in a process how many there are. No backend of before may be in use.
  void restart(Settings settings);

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
  Settings settings_;
};

}  // namespace collapscope::test
