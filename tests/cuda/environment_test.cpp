// What the process finds around it changes no digit: variables that make CUDA's libraries compute with less,
// and errors that they leave behind.
#include <gmock/gmock.h>

#include <cstdlib>

#include "collapscope/gpu/gpu.hpp"
#include "cuda/pipeline.hpp"

namespace collapscope {
namespace {

using testing::HasSubstr;

class Environment : public test::Pipeline {
 protected:
  // Of the fake as it is, then with `settings` and the variable.
  void expect_same_digits_with(const char* variable) {
    SCOPED_TRACE(variable);
    fake().restart({});
    const std::string expected = digits(analyzed("cuda"));
    ::setenv(variable, "1", 1);
    fake().restart({});
    const Results found = analyzed("cuda");
    EXPECT_EQ(std::getenv(variable), nullptr);
    ::unsetenv(variable);
    EXPECT_EQ(digits(found), expected);
    EXPECT_THAT(found.provenance.device, HasSubstr("default math"));
    EXPECT_THAT(found.provenance.device, HasSubstr(std::string(variable) + " ignored"));
  }
};

TEST_F(Environment, EmulatesNoFloat64) {
  expect_same_digits_with("CUBLAS_EMULATE_DOUBLE_PRECISION");
  expect_same_digits_with("CUBLAS_EMULATION_STRATEGY");
  expect_same_digits_with("CUBLAS_FIXEDPOINT_EMULATION_MANTISSA_BIT_COUNT");
}

TEST_F(Environment, MakesNoTf32OfFloat32) {
  options_.precision = Precision::fast;
  expect_same_digits_with("NVIDIA_TF32_OVERRIDE");
  expect_same_digits_with("CUBLAS_EMULATE_SINGLE_PRECISION");
}

TEST_F(Environment, HasErrorsOfLibrariesThatAreNoneOfOurs) {
  for (const Precision precision : {Precision::float64, Precision::fast}) {
    options_.precision = precision;
    fake().restart({});
    const std::string expected = digits(analyzed("cuda"));
    fake().restart({{"STALE_ERRORS", "1"}});
    EXPECT_EQ(digits(analyzed("cuda")), expected);
    EXPECT_TRUE(messages_.lines.empty()) << messages_.lines[0];
  }
}

}  // namespace
}  // namespace collapscope
