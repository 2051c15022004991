// Reading single metrics out of results.
#include "collapscope/results/results.hpp"

#include <gtest/gtest.h>

namespace collapscope {
namespace {

TEST(Metric, NumberOfCountsAndNumbersOnly) {
  EXPECT_EQ((Metric{"samples", std::int64_t{7}}).number(), 7.0);
  EXPECT_EQ((Metric{"nrc1", 0.25}).number(), 0.25);
  EXPECT_EQ((Metric{"nrc2", std::monostate{}}).number(), std::nullopt);
  EXPECT_EQ((Metric{"evr", std::vector<double>{1}}).number(), std::nullopt);
}

TEST(Metric, IsBelowItsFloorAtTheFloorToo) {
  EXPECT_TRUE((Metric{"nrc1", 1e-9, 1e-7}).below_floor());
  EXPECT_TRUE((Metric{"nrc1", 1e-7, 1e-7}).below_floor());
  EXPECT_FALSE((Metric{"nrc1", 2e-7, 1e-7}).below_floor());
  EXPECT_FALSE((Metric{"nrc1", 1e-9}).below_floor());
  EXPECT_FALSE((Metric{"nrc1", std::monostate{}, 1e-7}).below_floor());
}

TEST(MetricSet, FindsByExactName) {
  MetricSet set;
  set.add({"nrc1", 0.5});
  set.add({"nrc1_centered", 0.25});
  ASSERT_NE(set.find("nrc1_centered"), nullptr);
  EXPECT_EQ(set.find("nrc1_centered")->number(), 0.25);
  EXPECT_EQ(set.find("nrc"), nullptr);
}

}  // namespace
}  // namespace collapscope
