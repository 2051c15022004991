// The fake CUDA runtime, steered from inside the process.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace collapscope::test {

class FakeCuda {
 public:
  using Settings = std::map<std::string, std::string>;  // FAKE_CUDA_... without that

  // Loads the fake libraries, so that the GPU module will use them.
  FakeCuda();

  // Starts anew with these settings and no others, on three devices unless they say otherwise: CUB asks once
  // in a process how many there are. No backend of before may be in use.
  void restart(Settings settings);

  [[nodiscard]] long calls() const { return calls_(); }
  [[nodiscard]] long work_items() const { return work_items_(); }
  // Of tests/fake_cuda/README.md, or of calls of this name.
  [[nodiscard]] long count(const std::string& name) const { return count_(name.c_str()); }
  // With SITES: from where every call, or every item of work, came. The first word or words name it.
  [[nodiscard]] std::vector<std::string> call_sites() const { return all(call_site_); }
  [[nodiscard]] std::vector<std::string> item_sites() const { return all(item_site_); }
  // The name of what failed on purpose; empty: nothing has.
  [[nodiscard]] std::string injected() const;
  [[nodiscard]] long threads() const { return threads_(); }
  [[nodiscard]] long violations() const { return violations_(); }
  [[nodiscard]] long leaks() const { return leaks_(); }

 private:
  using Site = const char* (*)(long);
  [[nodiscard]] static std::vector<std::string> all(Site site);

  void (*reset_)() = nullptr;
  long (*calls_)() = nullptr;
  long (*work_items_)() = nullptr;
  long (*count_)(const char*) = nullptr;
  long (*threads_)() = nullptr;
  long (*violations_)() = nullptr;
  long (*leaks_)() = nullptr;
  Site call_site_ = nullptr;
  Site item_site_ = nullptr;
  const char* (*injected_)() = nullptr;
  Settings settings_;
};

}  // namespace collapscope::test
