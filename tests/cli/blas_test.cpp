// A BLAS that misjudges the CPU is noticed and started again with better kernels.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

bool has_avx() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx") != 0;
#else
  return false;
#endif
}

class BlasCure : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_avx()) {
      GTEST_SKIP() << "this CPU has no better kernels than a Prescott's";
    }
  }

  TempFolder folder_;
  Surroundings misjudged_{.environment = {{"LD_PRELOAD", COLLAPSCOPE_PRESCOTT}}};
};

TEST_F(BlasCure, IsShownByVersion) {
  const std::string cured = expect_status(0, folder_, {"--version"}, misjudged_).out;
  EXPECT_THAT(cured, HasSubstr("(OpenBLAS chose Prescott)"));
  EXPECT_THAT(cured, Not(HasSubstr("Prescott kernels")));
}

TEST_F(BlasCure, LeavesTheUsersChoiceAlone) {
  misjudged_.environment["OPENBLAS_CORETYPE"] = "Prescott";
  const std::string chosen = expect_status(0, folder_, {"--version"}, misjudged_).out;
  EXPECT_THAT(chosen, HasSubstr("Prescott kernels (by OPENBLAS_CORETYPE)"));
  EXPECT_THAT(chosen, Not(HasSubstr("OpenBLAS chose")));
}

TEST_F(BlasCure, ChangesNothingElse) {
  expect_status(0, folder_, {"synth", "planted", "-o", "a b.h5", "-N", "5000"});
  const Finished cured =
      expect_status(0, folder_, {"analyze", "a b.h5", "-o", "-", "--layers", "*"}, misjudged_);
  EXPECT_EQ(cured.err, "");
  const Json results = Json::parse(cured.out);
  EXPECT_EQ(results.at("provenance").at("command"),
            COLLAPSCOPE_PROGRAM " analyze 'a b.h5' -o - --layers '*'");
  EXPECT_THAT(results.at("provenance").at("device").get<std::string>(),
              HasSubstr("(OpenBLAS chose Prescott)"));
  expect_same_metrics(results, analyzed(folder_, {"a b.h5"}), 1e-10, 1e-13);
  expect_status(2, folder_, {"analyze", "missing.h5"}, misjudged_);
}

}  // namespace
}  // namespace collapscope::cli
