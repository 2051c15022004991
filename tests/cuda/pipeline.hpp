// A small dump analysed on the CPU and on the fake GPU.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "collapscope/analysis.hpp"
#include "cuda/fake.hpp"

namespace collapscope::test {

class Messages final : public Progress {
 public:
  void message(const std::string& line) override { lines.push_back(line); }
  std::vector<std::string> lines;
};

class Pipeline : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Of the dump, with `device`; expects that the fake has nothing to complain about. Leaks are complaints
  // unless the device is lost.
  Results analyzed(const std::string& device, bool device_is_lost = false);
  // Every metric of every layer within 1e-9.
  void expect_near_cpu(const Results& found) const;
  // As text, every digit.
  [[nodiscard]] static std::string digits(const Results& results);

  // Eight tiles for every layer, and as many bands.
  std::size_t rows_ = 30000;
  std::size_t features_ = 16;
  std::vector<double> noise_ = {0.5, 1e-3};  // one per layer
  AnalysisOptions options_;
  static FakeCuda& fake();
  Messages messages_;
  std::string note_;

 private:
  std::string path_;
  Results expected_;
};

}  // namespace collapscope::test
