// --precision float64-emulated: cuBLAS' emulated products, which are as good as float64's, or are found out.
#include <gmock/gmock.h>

#include <cmath>

#include "collapscope/core/error.hpp"
#include "core/product_rounding.hpp"
#include "cuda/pipeline.hpp"

namespace collapscope {
namespace {

using testing::HasSubstr;

class Emulation : public test::Pipeline {
 protected:
  Emulation() {
    features_ = 64;
    tile_ = 256 * features_;
    options_.memory = 2'000'000;
  }
  // What is expected is float64's.
  void SetUp() override {
    Pipeline::SetUp();
    options_.precision = Precision::float64_emulated;
  }
};

TEST_F(Emulation, HasTheNumbersOfFloat64) {
  fake().restart({});
  const Results found = analyzed("cuda");
  EXPECT_EQ(found.provenance.precision, "float64-emulated (55 bits)");
  EXPECT_TRUE(found.provenance.fallbacks == Fallbacks{});
  expect_near_cpu(found);
  EXPECT_GT(fake().count("cublasGemmEx"), 0);
  for (const LayerResult& layer : found.checkpoints.at(0).layers) {
    EXPECT_TRUE(layer.metrics.find("feature_rankme")->number().has_value()) << "as good as float64";
  }
}

TEST_F(Emulation, HasTheSameBitsWhateverTheSchedule) {
  fake().restart({});
  expect_equal_bits("cuda:all", digits(analyzed("cuda:all")), 3);
}

// As of float32: floors rise, and what they would swallow is undefined.
TEST_F(Emulation, WithFewBitsIsFoundOut) {
  fake().restart({{"EMULATION", "few_bits"}});
  const Results found = analyzed("cuda");
  ASSERT_TRUE(found.failures.empty());
  fake().restart({});
  const Results good = analyzed("cuda");
  for (std::size_t i = 0; i < found.checkpoints.at(0).layers.size(); ++i) {
    const MetricSet& metrics = found.checkpoints[0].layers[i].metrics;
    EXPECT_FALSE(metrics.find("feature_rankme")->number().has_value());
    const Metric& share = *metrics.find("linear_share");
    const Metric& known = *good.checkpoints.at(0).layers.at(i).metrics.find("linear_share");
    ASSERT_TRUE(share.floor.has_value());
    EXPECT_GT(*share.floor, known.floor.value_or(0));
    EXPECT_LE(std::abs(*share.number() - *known.number()), *share.floor);
  }
}

TEST_F(Emulation, IsRefusedWhereThereIsNone) {
  fake().restart({{"EMULATION", "none"}});
  const Results found = analyzed("cuda");
  ASSERT_FALSE(found.failures.empty());
  EXPECT_THAT(found.failures[0].message, HasSubstr("whose cuBLAS does not emulate float64"));
  EXPECT_THAT(found.failures[0].message, HasSubstr("--precision float64 is native"));
}

TEST_F(Emulation, IsRefusedByTheCpu) {
  fake().restart({});
  try {
    (void)analyzed("cpu");
    FAIL() << "nothing was thrown";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("--precision float64-emulated: found cpu"));
    EXPECT_THAT(error.what(), HasSubstr("--device cuda"));
  }
}

TEST(EmulatedRounding, IsNoneWithinWhatFloat64MayBeOff) {
  Moments moments(8, 1, false);
  for (std::size_t j = 0; j < 8; ++j) {
    moments.feature_scatter.products(j, j) = 2;
  }
  EXPECT_EQ(emulated_rounding(moments), 0);
  moments.scatter_error.assign(8, 4e-16);
  EXPECT_EQ(emulated_rounding(moments), 0);
  moments.scatter_error[3] = -2e-12;
  EXPECT_DOUBLE_EQ(emulated_rounding(moments), 4e-12);
}

}  // namespace
}  // namespace collapscope
