// A small dump analysed on the CPU and on the fake GPU.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "cuda/fake.hpp"
#include "support/planted_dump.hpp"

namespace collapscope::test {

class Pipeline : public ::testing::Test {
 protected:
  void SetUp() override;

  // Of the dump, with `device`; expects that the fake has nothing to complain about. Leaks are complaints
  // unless the device is lost.
  Results analyzed(const std::string& device, bool device_is_lost = false);
  // Every metric of every layer within 1e-9.
  void expect_near_cpu(const Results& found) const;
  // As text, every digit.
  [[nodiscard]] static std::string digits(const Results& results);
  // The CPU's numbers with the digits of `expected` and no message: eager, lazy and with the youngest streams
  // first; then, for the digits only, with an eye on races and at random, `seeds` times. The fake gets
  // `settings` as well. Returns the most host threads that used it.
  long expect_equal_bits(const std::string& device, const std::string& expected, int seeds,
                         const FakeCuda::Settings& settings = {});

  // Eight tiles for every layer, and as many bands.
  std::size_t rows_ = 2000;
  std::size_t features_ = 16;
  std::size_t tile_ = 4096;                  // numbers of a tile; the GPU's have 256 rows at least
  std::vector<double> noise_ = {0.5, 1e-3};  // one per layer
  std::size_t threads_ = 1;
  AnalysisOptions options_;
  static FakeCuda& fake();
  [[nodiscard]] PlantedDump& dump() { return *dump_; }
  // From now on, without numbers of the CPU's to compare with.
  void use(const ClassSpec& spec) { dump_.emplace(spec); }
  Messages messages_;
  std::string note_;

 private:
  std::optional<PlantedDump> dump_;
  Results expected_;
};

}  // namespace collapscope::test
