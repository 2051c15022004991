// Medians, quartiles and how often a stage is run.
#include "bench/timing.hpp"

#include <gtest/gtest.h>

namespace collapscope::bench {
namespace {

TEST(Quantile, IsLinearBetweenNeighbours) {
  const std::vector<double> numbers{1, 2, 4, 8};
  EXPECT_EQ(quantile(numbers, 0), 1);
  EXPECT_EQ(quantile(numbers, 1), 8);
  EXPECT_EQ(quantile(numbers, 0.5), 3);
  EXPECT_DOUBLE_EQ(quantile(numbers, 0.25), 1.75);
  EXPECT_DOUBLE_EQ(quantile(numbers, 0.75), 5);
  EXPECT_EQ(quantile(std::vector<double>{7}, 0.25), 7);
}

TEST(Timing, SortsAndSummarizes) {
  const Timing time = timing_of({5, 1, 3, 2, 4});
  EXPECT_EQ(time.runs, 5U);
  EXPECT_EQ(time.median, 3);
  EXPECT_EQ(time.lower_quartile, 2);
  EXPECT_EQ(time.upper_quartile, 4);
  EXPECT_EQ(time.least, 1);
  EXPECT_EQ(time.most, 5);
}

TEST(Timing, OneRunHasNoSpread) {
  const Timing time = timing_of({2});
  EXPECT_EQ(time.runs, 1U);
  EXPECT_EQ(time.median, 2);
  EXPECT_EQ(time.lower_quartile, 2);
  EXPECT_EQ(time.most, 2);
}

// A stage that says it takes `seconds`, the first time ten times as long, and counts its runs.
struct Counted {
  int runs = 0;
  Stage stage;
  explicit Counted(double seconds) {
    stage.name = "work";
    stage.bytes = 6;
    stage.run = [this, seconds] { return runs++ == 0 ? 10 * seconds : seconds; };
  }
};

TEST(Measure, DoesNotTimeTheFirstRun) {
  Counted counted(1);
  const Timing time = measure(counted.stage, 4, 1000);
  EXPECT_EQ(counted.runs, 5);
  EXPECT_EQ(time.runs, 4U);
  EXPECT_EQ(time.most, 1);
}

TEST(Measure, StopsWhenTheTimeIsUp) {
  Counted counted(1);
  EXPECT_EQ(measure(counted.stage, 100, 12.5).runs, 3U);  // 10 for the warm-up, then three
}

TEST(Measure, TimesOneRunAtLeast) {
  Counted counted(1);
  EXPECT_EQ(measure(counted.stage, 100, 0).runs, 1U);
  EXPECT_EQ(counted.runs, 2);
}

TEST(StageResult, CountsWhatItsCeilingCounts) {
  Stage stage{"look", 6, 24, "", "", {}};
  const Timing time = timing_of({2});
  EXPECT_TRUE(stage_result(stage, time, nullptr).counts_flops);
  EXPECT_EQ(stage_result(stage, time, nullptr).rate(), 12);
  StageResult copy;
  copy.name = "copy";
  copy.bytes = 10;
  copy.time = timing_of({1});
  const StageResult bounded = stage_result(stage, time, &copy);
  EXPECT_FALSE(bounded.counts_flops);
  EXPECT_EQ(bounded.rate(), 3);
  EXPECT_EQ(bounded.ceiling, "copy");
  EXPECT_EQ(bounded.ceiling_rate, 10);
}

}  // namespace
}  // namespace collapscope::bench
